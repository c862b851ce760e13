"""The intermediate representation: what a schema means, without how it was written.

Frozen data without any type of YAML, Jinja or Pydantic, and without positions or paths. Both front ends end here,
and code is rendered from nothing else. What can be asked about types is in `type_parts`; `ir_dump` gives it as JSON.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

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
        secret: Whether its value is for the tools alone, and masked wherever people look at sessions.
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
    secret: bool = False


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
class Migration:
    """A function of the user's that brings sessions from the version before to another.

    Attributes:
        compatible: Whether servers of the version before can go on with what it returns.
    """

    to: int
    module: str
    qualname: str
    compatible: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """One kind of session. Lifetimes are in seconds; "" is the default of a name.

    Attributes:
        list_tool: The tool that lists the caller's own sessions; "" for none.
        reserved: Names that no key may have: those of keys that were removed.
        model: The user's own class, if its fields do what generated code could not: their validators run, their
            defaults are asked for, and constraints are the model's.
        fingerprint: Changes when what the model accepts does; "" without one.
        migrations: The functions that migrate what is stored, by the version that they lead to.
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
    list_tool: str = ""
    reserved: tuple[str, ...] = ()
    model: Imported | None = None
    fingerprint: str = ""
    migrations: tuple[Migration, ...] = ()


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
