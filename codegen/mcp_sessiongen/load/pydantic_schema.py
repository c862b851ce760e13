"""The Pydantic schema form: from a module's classes to declarations.

Owns which classes are sessions and value types, and which of them are compiled. A `SessionModel` that generated code
can stand for is compiled, as its YAML twin is; any other model is bound: the generated code imports it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Final, cast

from pydantic import BaseModel

from mcp_sessiongen.declarations import (
    Declarations,
    EnumDeclaration,
    Located,
    ModelDeclaration,
    SessionDeclaration,
)
from mcp_sessiongen.diagnostics import Report, fatal
from mcp_sessiongen.load.binding import bound_model, fingerprint_of
from mcp_sessiongen.load.live import (
    TypeProblem,
    attribute,
    derives_from,
    doc_of,
    is_class,
    is_value_type,
    plain,
    session_options,
)
from mcp_sessiongen.load.machinery import PLAIN_HINT, is_bound, machinery_of
from mcp_sessiongen.load.positions import Positions
from mcp_sessiongen.load.pydantic_enums import read_enum
from mcp_sessiongen.load.pydantic_fields import FieldReader, duration_text
from mcp_sessiongen.load.pydantic_migrations import read_migrations
from mcp_sessiongen.load.pydantic_types import TypeReader
from mcp_sessiongen.load.python_import import import_target, shown, source_of
from mcp_sessiongen.load.targets import Target
from mcp_sessiongen.names import did_you_mean, snake_case
from mcp_sessiongen.safe_text import safe_repr

_METHODS: Final = (type(lambda: None), classmethod, staticmethod, property)


def load_pydantic(target: Target, output: Path, report: Report) -> Declarations:
    """Read the schemas of a Python module.

    Args:
        target: The module or file, and perhaps a class in it.
        output: The folder for generated modules.
        report: Takes all findings that do not make the rest unreadable.

    Raises:
        SchemaErrors: If the module cannot be imported or has no such class.
    """
    module = import_target(target, output)
    return _Reader(target, module, report).read()


@dataclass(frozen=True)
class _Chosen:
    """A class that is a session, and the name that the module gives it."""

    kind: type[BaseModel]
    name: str

    @property
    def session_name(self) -> str:
        is_parametrised = self.kind.__pydantic_generic_metadata__["origin"] is not None
        return snake_case(self.name if is_parametrised else self.kind.__name__)


class _Reader:
    def __init__(self, target: Target, module: ModuleType, report: Report) -> None:
        self.target = target
        self.module = module
        self.report = report
        file = getattr(module, "__file__", None) or ""
        source = source_of(target.given if target.kind == "file" or not file else shown(file))
        self.positions = Positions(source, file)
        self.types = TypeReader(module)
        self.fields = FieldReader(self.types, self.positions, report)
        self.imports = replace(self.types, is_bound=True)
        self.imported_fields = FieldReader(self.imports, self.positions, report)

    def read(self) -> Declarations:
        sessions = [self.session(chosen) for chosen in self.sessions()]
        if "" in self.target.classes:
            self.add_unused_value_types()
        models: dict[str, ModelDeclaration] = {}
        enums: dict[str, EnumDeclaration] = {}
        # Reading one may bring in others: those that it uses.
        while waiting := [kind for name, kind in self.types.value_types.items() if name not in (models | enums)]:
            for kind in waiting:
                if issubclass(kind, Enum):
                    enums[kind.__name__] = read_enum(kind, self.positions, self.report)
                else:
                    models[kind.__name__] = self.model(cast("type[BaseModel]", kind))
        order = self.written_order()
        return Declarations(
            self.positions.main,
            tuple(sorted(models.values(), key=lambda model: order.get(model.name.value, -1))),
            tuple(sessions),
            self.types.classes,
            tuple(sorted(enums.values(), key=lambda enum: order.get(enum.name.value, -1))),
        )

    # --- which classes ---------------------------------------------------------------------------------------------

    def sessions(self) -> list[_Chosen]:
        found: dict[type, _Chosen] = {}
        for path in self.target.classes:
            with self.report.gathering():
                for chosen in [self.chosen_class(path)] if path else self.declared_sessions():
                    found.setdefault(chosen.kind, chosen)
        return list(found.values())

    def declared_sessions(self) -> list[_Chosen]:
        found: dict[type, _Chosen] = {}
        for name, kind in self.own_classes():
            if derives_from(kind, "SessionModel") and not _is_template(kind):
                found.setdefault(kind, _Chosen(kind, name))
        if not found:
            hint = "derive a class from mcp_sessions.SessionModel, or name a model:  module:Class"
            raise fatal(self.positions.main.span(), "empty-schema", "the module has no SessionModel", hint)
        return list(found.values())

    def own_classes(self) -> Iterator[tuple[str, type]]:
        for name, value in vars(self.module).items():
            is_own = is_class(value) and attribute(value, "__module__") == self.module.__name__
            if is_own and name.isidentifier():  # Pydantic adds `Page[int]` and the like
                yield name, value

    def add_unused_value_types(self) -> None:
        """Have the value types of the module compiled that no session uses; a model that is bound imports its own."""
        imported = [kind for kind in self.types.classes.values() if is_value_type(kind)]
        for _, kind in self.own_classes():
            if is_value_type(kind) and kind not in imported:
                self.add_value_type(kind)

    def add_value_type(self, kind: type) -> None:
        try:
            self.types.value_type(kind)
        except TypeProblem as problem:
            self.report.error(self.positions.of_class(kind), problem.code, problem.message, problem.hint)

    def chosen_class(self, path: str) -> _Chosen:
        found: object = self.module
        for part in path.split("."):
            inside = vars(found) if is_class(found) or found is self.module else {}
            names = [name for name, value in inside.items() if is_class(value)]
            found = inside.get(part)
            if found is None:
                message = f"no class {part!r} in {self.target.given}"
                hint = did_you_mean(part, names) or "check the name after the colon"
                raise fatal(self.positions.main.span(), "not-a-schema", message, hint)
        if is_class(found) and BaseModel in attribute(found, "__mro__") and not _is_a_base(found):
            return _Chosen(cast("type[BaseModel]", found), path.rpartition(".")[2])
        message = f"{path!r} is not a Pydantic model"
        raise fatal(self.positions.main.span(), "not-a-schema", message, "name a class that derives from BaseModel")

    def written_order(self) -> dict[str, int]:
        """Return the places of the classes in the module; others come before, as they were met."""
        classes = [value for value in vars(self.module).values() if is_class(value)]
        return {attribute(kind, "__name__"): index for index, kind in enumerate(classes)}

    # --- declarations ----------------------------------------------------------------------------------------------

    def session(self, chosen: _Chosen) -> SessionDeclaration:
        kind = chosen.kind
        options = session_options(kind)
        name = plain(options.pop("name", None))
        written = isinstance(name, str)
        if name is not None and not written:
            span = self.positions.of_option(kind, "name")
            message = f"name should be text, got {safe_repr(name)}"
            self.report.error(span, "bad-value", message, "write the session's name")
        span = self.positions.of_option(kind, "name") if written else self.positions.of_class(kind)
        steps = read_migrations(kind, options.pop("migrations", None), self.module, self.positions, self.report)
        declared = SessionDeclaration(
            name=Located(name if isinstance(name, str) else chosen.session_name, span),
            keys=(),
            options={
                option: Located(plain(duration_text(value)), self.positions.of_option(kind, option))
                for option, value in options.items()
            }
            | ({"migrations": steps} if steps else {}),
            doc=doc_of(kind),
        )
        if derives_from(kind, "SessionModel") and not _is_template(kind) and not is_bound(kind):
            return replace(declared, keys=tuple(self.fields.compiled(kind)))
        try:
            model = bound_model(kind, self.imports)
        except TypeProblem as problem:
            raise fatal(self.positions.of_class(kind), problem.code, problem.message, problem.hint) from None
        keys = tuple(self.imported_fields.bound(kind))
        return replace(declared, keys=keys, model=model, fingerprint=fingerprint_of(kind, keys))

    def model(self, kind: type[BaseModel]) -> ModelDeclaration:
        for base in kind.__mro__[1:]:
            if derives_from(base, "ValueModel"):
                message = f"{kind.__name__} derives from {base.__name__}; value types are compiled without their bases"
                self.refuse(kind, "", message, "write the fields in both classes")
                break
        machinery = dict(machinery_of(kind))
        for name, message in machinery.items():
            self.refuse(kind, name, message)
        for name, member in vars(kind).items():
            made_by_pydantic = name == "model_post_init" and kind.__private_attributes__
            if name.startswith("__") or name in machinery or made_by_pydantic or not isinstance(member, _METHODS):
                continue
            self.refuse(kind, name, f"the method {name} of {kind.__name__} would be missing in the generated class")
        if _is_template(kind):
            self.refuse(kind, "", f"{kind.__name__} is generic, and value types are compiled without parameters")
        located = Located(kind.__name__, self.positions.of_class(kind))
        return ModelDeclaration(located, tuple(self.fields.compiled(kind)), doc_of(kind))

    def refuse(self, kind: type[BaseModel], member: str, message: str, hint: str = PLAIN_HINT) -> None:
        span = self.positions.of_member(kind, member) if member else self.positions.of_class(kind)
        self.report.error(span, "unsupported", message, hint)


def _is_template(kind: type[BaseModel]) -> bool:
    """Tell whether a class is generic, and nothing says what its parameters stand for."""
    return bool(kind.__pydantic_generic_metadata__["parameters"])


def _is_a_base(kind: type) -> bool:
    """Tell whether a class is one to derive from: it belongs to Pydantic or the runtime."""
    return str(attribute(kind, "__module__")).partition(".")[0] in ("pydantic", "mcp_sessions")
