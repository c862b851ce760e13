"""Live annotations of a Python schema as types of the IR.

Takes objects, not text: aliases are resolved and names are what they really mean.
"""

import collections
import collections.abc
import types
import typing
from dataclasses import dataclass, field, is_dataclass
from enum import Enum
from types import ModuleType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue, RootModel
from typing_extensions import is_typeddict

from mcp_sessiongen import constraints, ir
from mcp_sessiongen.declarations import Located
from mcp_sessiongen.diagnostics import Report, Source
from mcp_sessiongen.load.bound_unions import union_problem
from mcp_sessiongen.load.completion import require_complete
from mcp_sessiongen.load.homes import home_of
from mcp_sessiongen.load.json_forms import forms_of, forms_of_enum
from mcp_sessiongen.load.live import TypeProblem as TypeProblem
from mcp_sessiongen.load.live import derives_from, is_base, is_class, is_key_marker, is_type_alias, is_value_type
from mcp_sessiongen.load.metadata import constraints_in
from mcp_sessiongen.load.storable import is_secret, require_storable, secret_problem
from mcp_sessiongen.safe_text import safe_repr
from mcp_sessiongen.type_parts import union_of, unwrapped
from mcp_sessiongen.type_rules import problem_with
from mcp_sessiongen.values import SCALAR_NAMES

_ARRAYS: Final[dict[object, Literal["list", "set", "frozenset"]]] = {list: "list", set: "set", frozenset: "frozenset"}
_BARE: Final[dict[Any, Any]] = {
    list: list[Any],
    set: set[Any],
    frozenset: frozenset[Any],
    dict: dict[str, Any],
    tuple: tuple[Any, ...],
}
"""What collections hold, of which nothing is said."""

_BARE_ALIASES: Final = [getattr(typing, name) for name in ("List", "Set", "FrozenSet", "Dict", "Tuple")]
_ABSTRACT: Final = (
    collections.deque,
    collections.OrderedDict,
    collections.defaultdict,
    collections.Counter,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Set,
    collections.abc.MutableSet,
    collections.abc.Mapping,
    collections.abc.MutableMapping,
)
"""The containers that are spelt by import; Pydantic reads and writes them."""

_STREAMS: Final = (collections.abc.Iterable, collections.abc.Iterator, collections.abc.Generator)
_CONTAINERS: Final = "use list, dict, set, frozenset, tuple, Literal and unions"
_JSON_VALUE: Final = ("pydantic", "JsonValue")


@dataclass
class TypeReader:
    """Reads the annotations of a schema.

    Attributes:
        schema: The schema's module; None when types are named from elsewhere, and value types are then imported too.
        is_bound: Whether the types belong to a model that stays the user's: everything in them is imported, and what
            is annotated inside of them is the model's business.
        value_types: The value types to compile that were met, in order.
        classes: What the IR's types are in Python.
    """

    schema: ModuleType | None = None
    is_bound: bool = False
    value_types: dict[str, type] = field(default_factory=dict)
    classes: dict[ir.Named | ir.Imported, Any] = field(default_factory=dict)

    def read(self, annotation: Any, *, is_discriminated: bool = False) -> ir.Type:
        """Return the type of an annotation.

        Args:
            annotation: What a field or an alias says.
            is_discriminated: Whether a discriminator, known to the model, tells the members of a union apart.

        Raises:
            TypeProblem: If it is not acceptable.
        """
        if annotation is None or annotation is types.NoneType:
            return ir.NONE
        if isinstance(annotation, type) and annotation in SCALAR_NAMES:
            return ir.Scalar(SCALAR_NAMES[annotation])
        origin = get_origin(annotation)
        if origin is Annotated:
            return self._annotated(*get_args(annotation))
        kind = self._plain(annotation) if origin is None else self._generic(annotation, origin, get_args(annotation))
        if self.is_bound and isinstance(kind, ir.Union):
            found = None if is_discriminated else union_problem(kind.members, self.classes)
        else:
            found = problem_with(kind)
        if found:
            raise TypeProblem(*found)
        return kind

    # --- types with parameters -------------------------------------------------------------------------------------

    def _generic(self, annotation: Any, origin: Any, arguments: tuple[Any, ...]) -> ir.Type:
        if origin in (Union, types.UnionType):
            return self._union(arguments)
        if origin in _BARE and annotation in _BARE_ALIASES:
            return self._plain(origin)
        if origin is Literal:
            return _choice(arguments)
        if origin in _ARRAYS and len(arguments) == 1:
            return ir.Array(_ARRAYS[origin], self.read(arguments[0]))
        if origin is dict and len(arguments) == 2:
            is_any = self.is_bound and arguments[0] in (Any, object)  # JSON has only texts there
            return ir.Table(self.read(str if is_any else arguments[0]), self.read(arguments[1]))
        if origin is tuple:
            if len(arguments) == 2 and arguments[1] is Ellipsis:
                return ir.Tuple((self.read(arguments[0]),), open=True)
            return ir.Tuple(tuple(map(self.read, arguments)))
        if origin in (typing.Final, typing.ClassVar) and arguments:
            return self.read(arguments[0])
        is_own = is_dataclass(origin) or is_typeddict(origin) or _is_named_tuple(origin) or is_type_alias(origin)
        if origin in _ABSTRACT or is_own:
            return self._imported(annotation, origin, tuple(map(self.read, arguments)))
        if origin is collections.abc.Callable or origin is type:
            message = f"{_shown(annotation)} is no value: functions and classes cannot be stored"
            raise TypeProblem("unsupported", message, "store a name, and look up what it stands for")
        if origin in _STREAMS:
            message = f"values of {_shown(origin)} can be read only once, so they cannot be stored"
            raise TypeProblem("unsupported", message, "write list")
        if is_class(origin) and origin.__module__ not in ("typing", "collections.abc"):
            return self._imported(annotation, origin, tuple(map(self.read, arguments)))
        raise TypeProblem("unsupported", f"{_shown(annotation)} is not a type that can be compiled", _CONTAINERS)

    def _union(self, arguments: tuple[Any, ...]) -> ir.Type:
        members = tuple(map(self.read, arguments))
        if any(isinstance(member, ir.Imported) and _home(member) == _JSON_VALUE for member in members):
            members = tuple(member for member in members if member != ir.NONE)  # it is a JSON value too
        return union_of(members)

    def _annotated(self, annotation: Any, *metadata: Any) -> ir.Type:
        if any(map(is_key_marker, metadata)):
            message = "Key(...) stands inside of a type, and it is said of a key as a whole"
            raise TypeProblem("unsupported", message, "put it on the outside: Annotated[list[int], Key(...)]")
        said, others = constraints_in(metadata)
        if self.is_bound:
            has_tags = "discriminator" in said or "Discriminator" in others
            return self.read(annotation, is_discriminated=has_tags)
        kind = self.read(annotation)
        if others:
            message = f"{', '.join(dict.fromkeys(others))} inside of a type cannot be compiled"
            raise TypeProblem(
                "unsupported", message, "put it on the key, or give the type a name: a type alias is imported"
            )
        report = Report()
        span = Source("").span()
        written = [(name, Located(value, span)) for name, value in said.items()]
        checked = constraints.check(unwrapped(kind)[0], written, report)
        for finding in report.found:
            raise TypeProblem(finding.code, finding.message, finding.hint)
        return ir.Constrained(kind, checked) if checked else kind

    # --- types without parameters ----------------------------------------------------------------------------------

    def _plain(self, annotation: Any) -> ir.Type:
        if annotation in _BARE:
            if self.is_bound:
                return self.read(_BARE[annotation])
            name = annotation.__name__
            example = f"{name}[str, int]" if annotation in (dict, tuple) else f"{name}[str]"
            raise TypeProblem("bad-type", f"{name} needs parameters", f"write {example}")
        if annotation is Any or annotation is object:
            return self._anything(annotation)
        if isinstance(annotation, typing.ForwardRef | str):
            text = annotation if isinstance(annotation, str) else annotation.__forward_arg__
            hint = "define it before the class that uses it, or check the name"
            raise TypeProblem("unknown-type", f"unknown type {text!r}", hint)
        if isinstance(annotation, typing.TypeVar):
            message = f"{annotation.__name__} is a type variable, and nothing says what it stands for"
            raise TypeProblem("unsupported", message, "give the generic class its parameters")
        if isinstance(annotation, typing.NewType):
            self.read(annotation.__supertype__)
            return self._imported(annotation, annotation, ())
        if is_type_alias(annotation):
            return self._alias(annotation)
        if not is_class(annotation):
            kind = type(annotation).__name__
            raise TypeProblem(
                "unsupported", f"{_shown(annotation)} is a {kind}, which is no type of values", _CONTAINERS
            )
        return self._class(annotation)

    def _anything(self, annotation: Any) -> ir.Type:
        if self.is_bound:  # what can be stored there
            return self.read(JsonValue)
        hint = "write what it holds: for several kinds of value a union, for any JSON  pydantic.JsonValue"
        message = f"{_shown(annotation)} is no type for stored values: nothing could be checked"
        raise TypeProblem("bad-type", message, hint)

    def _alias(self, alias: Any) -> ir.Imported:
        if getattr(alias, "__type_params__", ()):
            message = f"{alias.__name__} is generic and is used without its parameters"
            raise TypeProblem("unsupported", message, f"write {alias.__name__}[...]")
        return self._imported(alias, alias, ())

    def _class(self, kind: type) -> ir.Type:
        if derives_from(kind, "SessionModel") or is_base(kind, "SessionModel"):
            message = f"{kind.__name__} is a session, and a session cannot be a value"
            raise TypeProblem("bad-type", message, "derive it from ValueModel")
        if is_value_type(kind) and not self.is_bound and self.schema:
            return self.value_type(kind)
        if kind is complex:
            raise TypeProblem("unsupported", "JSON has no complex numbers", "store two floats, or a text")
        if not issubclass(kind, BaseModel):
            return self._imported(kind, kind, ())
        generic = kind.__pydantic_generic_metadata__
        if generic["parameters"]:
            message = f"{kind.__name__} is generic and is used without its parameters"
            raise TypeProblem("unsupported", message, f"write {kind.__name__}[...], or a subclass of that")
        require_complete(kind)
        return self._imported(kind, generic["origin"] or kind, tuple(map(self.read, generic["args"])))

    def value_type(self, kind: type) -> ir.Named:
        """Return the type for a `ValueModel` or `ValueEnum`, and remember that it has to be compiled.

        Raises:
            TypeProblem: If another one has that name.
        """
        name = kind.__name__
        if issubclass(kind, BaseModel) and kind.__pydantic_generic_metadata__["origin"]:
            message = f"{name} is generic, and value types are compiled without parameters"
            raise TypeProblem("unsupported", message, "make it a plain BaseModel: it is then imported, not compiled")
        known = self.value_types.setdefault(name, kind)
        if known is not kind:
            message = f"two value types are called {name}: in {known.__module__} and in {kind.__module__}"
            raise TypeProblem("name-clash", message, "rename one of them")
        forms: tuple[ir.JsonForm, ...] = ()
        if issubclass(kind, Enum):
            forms = ("text",) if derives_from(kind, "ValueEnum") else ("a number",)
        named = ir.Named(name, forms)
        self.classes[named] = kind
        return named

    def imported_model(self, kind: type[BaseModel], arguments: tuple[ir.Type, ...]) -> ir.Imported:
        """Return the type of a model itself, whatever it holds.

        Raises:
            TypeProblem: If generated code could not import it.
        """
        module, qualname = home_of(kind, kind.__qualname__, self.schema)
        return ir.Imported(module, qualname, arguments=arguments)

    def _imported(self, annotation: Any, origin: Any, arguments: tuple[ir.Type, ...]) -> ir.Imported:
        name = getattr(origin, "__qualname__", None) or origin.__name__
        if is_secret(origin):
            raise secret_problem(name)
        known = next((found for found, live in self.classes.items() if live is annotation), None)
        if isinstance(known, ir.Imported):
            return known
        module, qualname = home_of(origin, name, self.schema)
        is_enum = is_class(origin) and issubclass(origin, Enum)
        is_model = is_class(origin) and issubclass(origin, BaseModel) and not issubclass(origin, RootModel)
        forms: tuple[ir.JsonForm, ...] = ()
        if is_enum:
            forms = forms_of_enum(origin)
        elif not is_model:
            forms = forms_of(annotation, name)
        require_storable(annotation)
        imported = ir.Imported(module, qualname, is_enum=is_enum, forms=forms, arguments=arguments)
        self.classes[imported] = annotation
        return imported


def _home(kind: ir.Imported) -> tuple[str, str]:
    return kind.module, kind.qualname


def _is_named_tuple(kind: Any) -> bool:
    return is_class(kind) and issubclass(kind, tuple) and hasattr(kind, "_fields")


def _choice(values: tuple[Any, ...]) -> ir.Type:
    plain = tuple(value for value in values if value is not None)
    for value in plain:
        if isinstance(value, Enum):
            name = type(value).__name__
            message = f"a Literal cannot hold {name}.{value.name}"
            raise TypeProblem("bad-type", message, f"write {name}, or a Literal of the value itself")
        if type(value) not in (str, int, bool):
            hint = "it holds str, int or bool; for an enum, write the Enum itself"
            raise TypeProblem("bad-type", f"a Literal cannot hold {safe_repr(value)}", hint)
    choice = ir.Choice(plain)
    return choice if len(plain) == len(values) else union_of((choice, ir.NONE))


def _shown(annotation: Any) -> str:
    name = getattr(annotation, "__name__", None)
    return name if isinstance(name, str) else safe_repr(annotation)
