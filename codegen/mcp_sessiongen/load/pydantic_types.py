"""Live annotations of a Python schema as types of the IR.

Takes objects, not text: aliases are resolved and names are what they really mean. The base classes of the runtime are
recognised by name, because the compiler does not import the runtime.
"""

import importlib
import types
import typing
from dataclasses import dataclass, field, is_dataclass
from enum import Enum
from typing import Annotated, Any, Final, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, RootModel, SecretBytes, SecretStr, TypeAdapter
from typing_extensions import is_typeddict

from mcp_sessiongen import ir
from mcp_sessiongen.python_text import is_name
from mcp_sessiongen.safe_text import safe_repr
from mcp_sessiongen.type_rules import json_forms, problem_with
from mcp_sessiongen.values import SCALAR_NAMES

_BASES: Final = "mcp_sessions.schema"
_ARRAYS: Final[dict[object, Literal["list", "set", "frozenset"]]] = {list: "list", set: "set", frozenset: "frozenset"}
_LATER: Final = "it is not supported by this version"


class TypeProblem(Exception):
    """An annotation that is not acceptable."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


def derives_from(kind: object, base: str) -> bool:
    """Tell whether something is a proper subclass of the runtime's class of that name."""
    return is_class(kind) and any(_is_base(ancestor, base) for ancestor in attribute(kind, "__mro__")[1:])


def is_class(value: object) -> TypeGuard[type]:
    """Tell whether a value is a class, without asking it: a `__class__` of the user's may raise."""
    return issubclass(type(value), type)


def attribute(kind: type, name: str) -> Any:
    """Return an attribute of a class, without asking its metaclass."""
    return type.__getattribute__(kind, name)


def _is_base(kind: type, name: str) -> bool:
    return (attribute(kind, "__module__"), attribute(kind, "__qualname__")) == (_BASES, name)


@dataclass
class TypeReader:
    """Reads the annotations of a schema.

    Attributes:
        value_types: The value types that were met, in order.
        classes: What the IR's types are as classes.
    """

    value_types: dict[str, type[BaseModel]] = field(default_factory=dict)
    classes: dict[ir.Named | ir.Imported, type] = field(default_factory=dict)

    def read(self, annotation: Any) -> ir.Type:
        """Return the type of an annotation.

        Raises:
            TypeProblem: If it is not acceptable.
        """
        if annotation is None or annotation is types.NoneType:
            return ir.NONE
        if isinstance(annotation, type) and annotation in SCALAR_NAMES:
            return ir.Scalar(SCALAR_NAMES[annotation])
        origin = get_origin(annotation)
        kind = self._plain(annotation) if origin is None else self._generic(annotation, origin, get_args(annotation))
        found = problem_with(kind)
        if found:
            raise TypeProblem(*found)
        return kind

    def _generic(self, annotation: Any, origin: Any, arguments: tuple[Any, ...]) -> ir.Type:
        if origin in (Union, types.UnionType):
            return ir.union_of(tuple(map(self.read, arguments)))
        if origin is Literal:
            return _choice(arguments)
        if origin in _ARRAYS and len(arguments) == 1:
            return ir.Array(_ARRAYS[origin], self.read(arguments[0]))
        if origin is dict and len(arguments) == 2:
            return ir.Table(self.read(arguments[0]), self.read(arguments[1]))
        if origin is tuple:
            if len(arguments) == 2 and arguments[1] is Ellipsis:
                return ir.Tuple((self.read(arguments[0]),), open=True)
            return ir.Tuple(tuple(map(self.read, arguments)))
        if origin is Annotated:
            message = "constraints inside of a type are not supported by this version"
            raise TypeProblem("unsupported", message, "put them on the key, or make the inner value a ValueModel")
        message = f"{_shown(annotation)} is not a type that can be compiled"
        raise TypeProblem("unsupported", message, "use list, dict, set, frozenset, tuple, Literal and unions")

    def _plain(self, annotation: Any) -> ir.Type:
        if annotation in (list, set, frozenset, dict, tuple):
            name = annotation.__name__
            example = f"{name}[str, int]" if annotation in (dict, tuple) else f"{name}[str]"
            raise TypeProblem("bad-type", f"{name} needs parameters", f"write {example}")
        if annotation is Any or annotation is object:
            hint = "write what it holds; for several kinds of value, a union"
            raise TypeProblem(
                "bad-type", f"{_shown(annotation)} is no type for stored values: nothing could be checked", hint
            )
        if isinstance(annotation, typing.ForwardRef):
            hint = "define it before the class that uses it, or check the name"
            raise TypeProblem("unknown-type", f"unknown type {annotation.__forward_arg__!r}", hint)
        if not isinstance(annotation, type):
            kind = type(annotation).__name__
            raise TypeProblem("unsupported", f"{_shown(annotation)} is a {kind}; {_LATER}", "write the type itself")
        if derives_from(annotation, "SessionModel") or _is_base(annotation, "SessionModel"):
            message = f"{annotation.__name__} is a session, and a session cannot be a value"
            raise TypeProblem("bad-type", message, "derive it from ValueModel")
        if derives_from(annotation, "ValueModel"):
            return self.value_type(annotation)
        if issubclass(annotation, BaseModel | Enum) or is_dataclass(annotation) or is_typeddict(annotation):
            return self._imported(annotation)
        name = annotation.__qualname__
        hint = "use a builtin type, a ValueModel, a BaseModel, an Enum or a dataclass"
        raise TypeProblem("unknown-type", f"values of type {name} cannot be stored", hint)

    def value_type(self, kind: type[BaseModel]) -> ir.Named:
        """Return the type for a `ValueModel`, and remember that it has to be compiled."""
        name = kind.__name__
        known = self.value_types.setdefault(name, kind)
        if known is not kind:
            message = f"two value types are called {name}: in {known.__module__} and in {kind.__module__}"
            raise TypeProblem("name-clash", message, "rename one of them")
        named = ir.Named(name)
        self.classes[named] = kind
        return named

    def _imported(self, kind: type) -> ir.Imported:
        module, qualname = kind.__module__, kind.__qualname__
        found: object = None
        if "<" not in qualname:
            found = importlib.import_module(module)
            for part in qualname.split("."):
                found = getattr(found, part, None)
        if found is not kind or module in ("__main__", "builtins"):
            message = f"{module}.{qualname} cannot be imported: looking it up does not give this class"
            hint = "define it at the top of a module, under its own name"
            raise TypeProblem("unsupported", message, hint)
        odd = next((part for part in f"{module}.{qualname}".split(".") if not is_name(part)), "")
        if odd:
            message = f"{odd!r} in {module}.{qualname} is not a name that generated code can use"
            raise TypeProblem("unsupported", message, "use letters of ASCII, digits and underscores")
        if issubclass(kind, BaseModel):
            _require_storable(kind)
        imported = ir.Imported(module, qualname, is_enum=issubclass(kind, Enum), forms=self._forms(kind))
        self.classes[imported] = kind
        return imported

    def _forms(self, kind: type) -> tuple[ir.JsonForm, ...]:
        """Return what the values of an enum or a root model are in JSON; () for an object."""
        if issubclass(kind, Enum):
            adapter = TypeAdapter(kind)
            return tuple(sorted({_form_of(member, adapter) for member in kind}))
        if issubclass(kind, RootModel):
            try:
                return tuple(sorted(json_forms(self.read(kind.model_fields["root"].annotation))))
            except TypeProblem:
                return tuple(sorted(set(_FORMS.values())))  # it could be anything
        return ()


def _form_of(member: Enum, adapter: TypeAdapter[Enum]) -> ir.JsonForm:
    """Return what an enum's member is in JSON.

    Raises:
        TypeProblem: If it would not be read back from there.
    """
    try:
        raw = adapter.dump_json(member)
        is_same = adapter.validate_json(raw) is member
    except Exception:  # the user's enum may have code of its own
        is_same = False
    if not is_same:
        where = f"{type(member).__name__}.{member.name}"
        hint = "give the members of the enum texts or numbers as values"
        raise TypeProblem("unsupported", f"{where} cannot be stored as JSON and read back", hint)
    return _FORMS.get(raw[:1], "a number")


_FORMS: Final[dict[bytes, ir.JsonForm]] = {
    b"0": "a number",
    b"n": "null",
    b"t": "true and false",
    b"f": "true and false",
    b'"': "text",
    b"[": "an array",
    b"{": "an object",
}


def _require_storable(model: type[BaseModel]) -> None:
    """Refuse a model of the user's that loses data on its way through JSON.

    Raises:
        TypeProblem: If a field is left out or masked when the model is written as JSON.
    """
    for name, info in model.model_fields.items():
        where = f"{model.__name__}.{name}"
        if info.exclude:
            raise TypeProblem("unsupported", f"{where} is excluded from JSON, so it would be lost", _STORABLE_HINT)
        if info.annotation in (SecretStr, SecretBytes):
            raise TypeProblem("unsupported", f"{where} is a secret: JSON has only asterisks for it", _STORABLE_HINT)


_STORABLE_HINT: Final = "store another model, made of what is to be kept"


def _choice(values: tuple[Any, ...]) -> ir.Type:
    plain = tuple(value for value in values if value is not None)
    for value in plain:
        if type(value) not in (str, int, bool):
            hint = "it holds str, int or bool; for an enum, write the Enum itself"
            raise TypeProblem("bad-type", f"a Literal cannot hold {safe_repr(value)}", hint)
    choice = ir.Choice(plain)
    return choice if len(plain) == len(values) else ir.union_of((choice, ir.NONE))


def _shown(annotation: Any) -> str:
    name = getattr(annotation, "__name__", None)
    return name if isinstance(name, str) else safe_repr(annotation)
