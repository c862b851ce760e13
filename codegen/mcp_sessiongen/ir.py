"""The intermediate representation: what a schema means, without how it was written.

Frozen data without any type of YAML, Jinja or Pydantic, and without positions or paths. Both front ends end here,
and code is rendered from nothing else. `dump` gives it as JSON; `digest` names it.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Literal, TypeAlias, cast

JsonForm: TypeAlias = Literal["null", "true and false", "a number", "text", "an array", "an object"]
"""The kinds of JSON values, as messages call them."""

# --- types ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type without parameters: `int`, `Decimal`, `datetime`, ..."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """`Literal[...]` of text, whole numbers or booleans."""

    values: tuple[str | int | bool, ...]

    def __eq__(self, other: object) -> bool:
        """Compare as types do: to Python 0 and False are equal, here they are not."""
        return isinstance(other, Choice) and self._typed() == other._typed()

    def __hash__(self) -> int:
        return hash(self._typed())

    def _typed(self) -> tuple[tuple[type, object], ...]:
        return tuple((type(value), value) for value in self.values)


@dataclass(frozen=True, slots=True)
class Array:
    """`list[item]`, `set[item]` or `frozenset[item]`."""

    kind: Literal["list", "set", "frozenset"]
    item: "Type"


@dataclass(frozen=True, slots=True)
class Table:
    """`dict[key, value]`."""

    key: "Type"
    value: "Type"


@dataclass(frozen=True, slots=True)
class Tuple:
    """`tuple[a, b]`; with `open`, `tuple[a, ...]`."""

    items: tuple["Type", ...]
    open: bool = False


@dataclass(frozen=True, slots=True)
class Union:
    """`a | b`: flat, at least two members, each once, None last."""

    members: tuple["Type", ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A value type of this schema: a model or an enumeration.

    Attributes:
        forms: What an enumeration's values are in JSON, sorted; () for a model.
    """

    name: str
    forms: tuple["JsonForm", ...] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """A type that stays in the user's own module.

    Attributes:
        arguments: What a generic type is used with: `Page[Item]`.
        forms: What its values are in JSON, sorted; () for an object.
    """

    module: str
    qualname: str
    is_enum: bool = False
    forms: tuple["JsonForm", ...] = ()
    arguments: tuple["Type", ...] = ()


@dataclass(frozen=True, slots=True)
class Constrained:
    """A type with constraints, inside of another type: `list[Annotated[str, Field(max_length=9)]]`."""

    type: "Type"
    constraints: tuple[tuple[str, "Value"], ...]


Type: TypeAlias = Scalar | Choice | Array | Table | Tuple | Union | Named | Imported | Constrained
NONE = Scalar("None")

# --- values --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Atom:
    """A value that Python and JSON write alike; a float is finite."""

    value: str | int | float | bool | None

    def __eq__(self, other: object) -> bool:
        """Compare what is written: to Python 1, 1.0 and True are equal, here they are not."""
        return isinstance(other, Atom) and self._typed() == other._typed()

    def __hash__(self) -> int:
        return hash(self._typed())

    def _typed(self) -> tuple[type, object]:
        return type(self.value), repr(self.value) if isinstance(self.value, float) else self.value


@dataclass(frozen=True, slots=True)
class Built:
    """A scalar without a literal of its own: the type's name and its canonical text."""

    type: str
    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list, set, frozenset or tuple; those without an order are sorted."""

    kind: Literal["list", "set", "frozenset", "tuple"]
    items: tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """A dict."""

    entries: tuple[tuple["Value", "Value"], ...]


@dataclass(frozen=True, slots=True)
class Instance:
    """A value of a model: the fields that were given.

    Attributes:
        name: The class, as its module knows it.
        module: Where an imported class is from; "" for one of this schema.
    """

    name: str
    fields: tuple[tuple[str, "Value"], ...]
    module: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an enumeration, an imported one or the schema's own."""

    type: Imported | Named
    name: str


@dataclass(frozen=True, slots=True)
class OfModel:
    """The default that the user's own model has, whatever it is; see `Session.model`."""


Value: TypeAlias = Atom | Built | Items | Entries | Instance | Member | OfModel

# --- declarations --------------------------------------------------------------------------------------------------

Scope: TypeAlias = Literal["auto", "handle", "transport", "user"]
Create: TypeAlias = Literal["", "required", "optional"]


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a session or a field of a model; without a default it is unset or required.

    Attributes:
        ttl: Seconds from its last write after which a key is unset again; keys only, as all that follow.
        create: Whether the create tool has a parameter for it.
        renamed_from: The name that the key had before.
        deprecated: Why it should not be used any more, and what to use instead.
    """

    name: str
    type: Type
    default: Value | None = None
    constraints: tuple[tuple[str, Value], ...] = ()
    doc: str = ""
    ttl: float | None = None
    create: Create = ""
    renamed_from: str = ""
    deprecated: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A nested value type."""

    name: str
    fields: tuple[Field, ...]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class EnumMember:
    """One value of an enumeration, and its name in Python."""

    name: str
    value: str | int
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Enumeration:
    """A value type with a fixed set of values: all texts, or all whole numbers."""

    name: str
    members: tuple[EnumMember, ...]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """One kind of session. Lifetimes are in seconds; "" is the default of a name.

    Attributes:
        reserved: Names that no key may have: those of keys that were removed.
        model: The user's own class, if its fields do what generated code could not: their validators run, their
            defaults are asked for, and constraints are the model's.
        fingerprint: Changes when what the model accepts does; "" without one.
    """

    name: str
    keys: tuple[Field, ...]
    doc: str = ""
    version: int = 1
    idle: float | None = None
    max: float | None = None
    scope: Scope = "auto"
    handle: str = ""
    create_tool: str = ""
    end_tool: str = ""
    reserved: tuple[str, ...] = ()
    model: Imported | None = None
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Module:
    """All that one source declares: models so ordered that each follows those it uses, unless they use each other."""

    models: tuple[Model, ...]
    sessions: tuple[Session, ...]
    enums: tuple[Enumeration, ...] = ()

    @property
    def type_names(self) -> tuple[str, ...]:
        """The names of the value types: of models, then of enumerations."""
        return (*(model.name for model in self.models), *(enum.name for enum in self.enums))


# --- questions about types -----------------------------------------------------------------------------------------


def union_of(members: tuple[Type, ...]) -> Type:
    """Return the union in its one normal form: flat, without repetition, None last."""
    flat: dict[Type, None] = {}
    for member in members:
        flat.update(dict.fromkeys(member.members if isinstance(member, Union) else (member,)))
    ordered = [member for member in flat if member != NONE] + [NONE] * (NONE in flat)
    return ordered[0] if len(ordered) == 1 else Union(tuple(ordered))


def without_none(kind: Type) -> Type:
    """Return the type less its None, if it has one."""
    if not isinstance(kind, Union):
        return kind
    return union_of(tuple(member for member in kind.members if member != NONE))


def parts(kind: Type) -> tuple[Type, ...]:
    """Return the types that a type is made of."""
    match kind:
        case Array(item=item):
            return (item,)
        case Table(key=key, value=value):
            return (key, value)
        case Tuple(items=items):
            return items
        case Union(members=members):
            return members
        case Imported(arguments=arguments):
            return arguments
        case Constrained(type=inner):
            return (inner,)
        case _:
            return ()


def with_parts(kind: Type, change: Callable[[Type], Type]) -> Type:
    """Return a type of the same form with every part changed."""
    match kind:
        case Array(kind=outer, item=item):
            return Array(outer, change(item))
        case Table(key=key, value=value):
            return Table(change(key), change(value))
        case Tuple(items=items):
            return replace(kind, items=tuple(map(change, items)))
        case Union(members=members):
            return union_of(tuple(map(change, members)))
        case Imported(arguments=arguments) if arguments:
            return replace(kind, arguments=tuple(map(change, arguments)))
        case Constrained(type=inner):
            return replace(kind, type=change(inner))
        case _:
            return kind


def bare(kind: Type) -> Type:
    """Return a type without the constraints inside of it: what type checkers see."""
    return bare(kind.type) if isinstance(kind, Constrained) else with_parts(kind, bare)


def unwrapped(kind: Type) -> tuple[Type, tuple[tuple[str, Value], ...]]:
    """Return a type without the constraints around it, and these."""
    if not isinstance(kind, Constrained):
        return kind, ()
    inner, constraints = unwrapped(kind.type)
    return inner, (*constraints, *kind.constraints)


def is_model(kind: Type) -> bool:
    """Tell whether the values of a type are models, as far as is known of imported ones."""
    match kind:
        case Named(forms=forms):
            return not forms
        case Imported(is_enum=is_enum, forms=forms):
            return not is_enum and not forms
        case _:
            return False


def named_in(kind: Type) -> tuple[Named, ...]:
    """Return the value types of this schema that a type refers to, in order."""
    if isinstance(kind, Named):
        return (kind,)
    return tuple(found for part in parts(kind) for found in named_in(part))


def names_in(kind: Type) -> tuple[str, ...]:
    """Return the names of the value types that a type refers to, in order."""
    return tuple(found.name for found in named_in(kind))


def types_of(session: Session, module: "Module") -> tuple[Model | Enumeration, ...]:
    """Return the value types that a session uses, directly or not: models, then enumerations, each as they stand."""
    table = {model.name: model for model in module.models}
    used: set[str] = set()
    waiting = [name for key in session.keys for name in names_in(key.type)]
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            fields = table[name].fields if name in table else ()
            waiting.extend(inner for field in fields for inner in names_in(field.type))
    models = tuple(model for model in module.models if model.name in used)
    return (*models, *(enum for enum in module.enums if enum.name in used))


# --- as JSON -------------------------------------------------------------------------------------------------------


def dump(node: object) -> object:
    """Return any part of the IR as JSON data: each node says what it is under "is", and leaves out its defaults.

    So a schema keeps its digest when a later version of the IR has more to say about others.
    """
    kind: type = type(node)
    if kind is str or kind is int or kind is float or kind is bool or node is None:
        return node
    if kind is tuple:
        return [dump(item) for item in cast("tuple[object, ...]", node)]
    word, parts = _described(kind)
    inner: dict[str, object] = {"is": word}
    for name, default in parts:
        value = getattr(node, name)
        if value != default:
            inner[name] = dump(value)
    return inner


@cache
def _described(kind: Any) -> tuple[str, tuple[tuple[str, object], ...]]:
    """Return what a kind of node is called, and the names of its parts, each with its default."""
    return kind.__name__.lower(), tuple((field.name, field.default) for field in fields(kind))


def digest(*nodes: object) -> str:
    """Return 16 hex digits that change when anything in the nodes does."""
    canonical = json.dumps([dump(node) for node in nodes], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def session_digest(session: Session, module: Module) -> str:
    """Return the digest of a session together with the types it uses."""
    return digest(session, *types_of(session, module))
