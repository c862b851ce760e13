"""Types that exist in Python already and that a YAML schema names as `module:Class`.

Modules are imported as those of Python schemas are, and what is found there is read by the same rules. Nothing of
that is loaded before a schema has an import.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import GenericAlias, ModuleType, UnionType
from typing import TYPE_CHECKING, Any, Final

from mcp_sessiongen import ir
from mcp_sessiongen.diagnostics import SchemaErrors
from mcp_sessiongen.existing_types import ImportProblem
from mcp_sessiongen.load.targets import Target
from mcp_sessiongen.names import did_you_mean
from mcp_sessiongen.safe_text import safe_str

if TYPE_CHECKING:
    from mcp_sessiongen.load.pydantic_types import TypeReader

_MISSING: Final = object()


@dataclass
class YamlImports:
    """Looks up the types that one schema imports.

    Attributes:
        output: The folder for generated modules, which a schema must not import.
        enter: Called before the first import, with the folders that modules are looked for in; see `ModuleScopes`.
        classes: What was found, by its type in the IR.
    """

    output: Path = Path()
    enter: Callable[[tuple[Path, ...]], None] | None = None
    classes: dict[ir.Named | ir.Imported, Any] = field(default_factory=dict)
    _modules: dict[str, ModuleType | None] = field(default_factory=dict)
    _reader: "TypeReader | None" = None

    @property
    def is_used(self) -> bool:
        """Tell whether the schema imports anything, so that more than the schema says what it means."""
        return bool(self._modules)

    def read(self, reference: str, arguments: tuple[ir.Type, ...]) -> ir.Type:
        """Return the type that is written `module:Class`, with the parameters it is used with.

        Raises:
            ImportProblem: If it cannot be one.
        """
        found = self.find(reference)
        expected = _parameters_of(found)
        if len(arguments) != expected:
            raise _wrong_number(reference, expected, len(arguments))
        if not arguments:
            return self._read(found, reference)
        # What the parameters stand for may be made by this schema and exist nowhere yet; any type shows what is around.
        kind = self._read(_with_parameters(found, reference, expected), reference)
        if not isinstance(kind, ir.Imported):
            message = f"{reference} is no class, so it cannot be used with parameters here"
            raise ImportProblem("unsupported", message, "import a name for the whole type")
        self.classes[ir.Imported(kind.module, kind.qualname)] = found
        return replace(kind, arguments=arguments)

    def check(self, reference: str) -> None:
        """Look up a type, which may need parameters.

        Raises:
            ImportProblem: If there is no such type.
        """
        found = self.find(reference)
        if not _parameters_of(found):
            self._read(found, reference)

    def find(self, reference: str) -> Any:
        """Return what `module:Class` stands for.

        Raises:
            ImportProblem: If there is no such thing.
        """
        module, _, qualname = reference.partition(":")
        if module == "typing":
            message = f"{reference} is no class of its own"
            raise ImportProblem("bad-type", message, "write the type as in Python: list[int], int | None")
        found: Any = self._module(module)
        at = module
        for part in qualname.split("."):
            inner = _member(found, part)
            if inner is _MISSING:
                hint = did_you_mean(part, _classes_in(found)) or f"define it in {module}, or correct the name"
                raise ImportProblem("unknown-type", f"{at} has no {part!r}", hint)
            found, at = inner, f"{at}.{part}"
        if not _is_type(found):
            # What it is may be shown, what it holds may not: os:environ has secrets.
            message = f"{reference} is of type {type(found).__name__}, and no type itself"
            raise ImportProblem("bad-type", message, "name a class, or an alias of a type")
        return found

    def _module(self, name: str) -> ModuleType:
        if name not in self._modules:
            is_first = not self._modules
            self._modules[name] = None
            self._modules[name] = self._imported(name, is_first)
        module = self._modules[name]
        if module is None:
            raise ImportProblem("", f"{name} cannot be imported, which was reported", "")
        return module

    def _imported(self, name: str, is_first: bool) -> ModuleType:
        from mcp_sessiongen.load.python_import import import_target, place_of

        target = Target(name, "module")
        if is_first and self.enter:
            self.enter(place_of(target).roots)
        try:
            return import_target(target, self.output)
        except SchemaErrors as errors:
            first = errors.diagnostics[0]
            at = ((first.span, "here"),) if first.span.line_text else ()
            message = f"cannot import {name}: {first.message}"
            raise ImportProblem(first.code, message, first.hint, at + first.related) from None

    def _read(self, annotation: Any, reference: str) -> ir.Type:
        from mcp_sessiongen.load.pydantic_types import TypeProblem, TypeReader

        if self._reader is None:
            self._reader = TypeReader(classes=self.classes)
        try:
            return self._reader.read(annotation)
        except TypeProblem as problem:
            raise ImportProblem(problem.code, problem.message, problem.hint) from None
        except Exception as error:  # whatever it is, it is code of the user's that runs when it is looked at
            message = f"{reference} is not a type: looking at it raised {type(error).__name__}"
            raise ImportProblem("unsupported", message, "name a class, or an alias of a type") from None


def _member(owner: Any, name: str) -> Any:
    try:
        return getattr(owner, name, _MISSING)
    except Exception:  # the user's module may have code for that
        return _MISSING


def _is_type(found: Any) -> bool:
    """Tell whether something is a class or an alias, and not any other object."""
    kind = type(found)
    is_alias = kind in (GenericAlias, UnionType) or kind.__module__ in ("typing", "typing_extensions")
    return issubclass(kind, type) or is_alias


def _classes_in(owner: Any) -> list[str]:
    inside = _member(owner, "__dict__")
    table = inside if isinstance(inside, Mapping) else {}
    return [name for name, value in table.items() if issubclass(type(value), type)]


def _parameters_of(found: Any) -> int:
    """Return how many parameters a type takes; those of the standard library do not say."""
    if issubclass(type(found), type) and _member(found, "__module__") in ("collections", "collections.abc"):
        return 2 if issubclass(found, Mapping) and found is not Counter else 1
    parameters = _member(found, "__parameters__")
    return len(parameters) if isinstance(parameters, tuple) else 0


def _with_parameters(found: Any, reference: str, count: int) -> Any:
    try:
        return found[(str,) * count]
    except Exception as error:  # the user's class may have code for that
        message = f"{reference} does not take parameters: {safe_str(error)}"
        raise ImportProblem("bad-type", message, f"write {reference}") from None


def _wrong_number(reference: str, expected: int, given: int) -> ImportProblem:
    name = reference.partition(":")[2]
    if not expected:
        return ImportProblem("bad-type", f"{name} takes no parameters", f"write {reference}")
    example = f"{reference}[{', '.join(['int', 'str', 'bool', 'float'][:expected])}]"
    noun = "parameter" if expected == 1 else "parameters"
    return ImportProblem("bad-type", f"{name} takes {expected} {noun}, got {given or 'none'}", f"write {example}")
