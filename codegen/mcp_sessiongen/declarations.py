"""What both front ends make of a schema: declarations as written, each part with its position.

The seam between `load` and `analyze`. Shapes are checked here already, meanings are not: names, defaults and
constraints are as the user wrote them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from mcp_sessiongen import ir
from mcp_sessiongen.diagnostics import Source, Span

T = TypeVar("T")


@dataclass(frozen=True)
class Located(Generic[T]):
    """A value and where it is written."""

    value: T
    span: Span


@dataclass(frozen=True)
class Default:
    """A default as written: data of JSON's kinds, or a live Python object; "model" for what the user's model has."""

    value: object
    mode: Literal["json", "python", "model"]
    span: Span
    hint: str = ""


@dataclass(frozen=True)
class FieldDeclaration:
    """A key or a field; without a type when its type could not be understood (which was reported).

    `options` are those of `KEY_OPTIONS`, unchecked.
    """

    name: Located[str]
    type: Located[ir.Type] | None
    default: Default | None = None
    constraints: tuple[tuple[str, Located[object]], ...] = ()
    doc: str = ""
    options: Mapping[str, Located[object]] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelDeclaration:
    """A value type."""

    name: Located[str]
    fields: tuple[FieldDeclaration, ...]
    doc: str = ""


@dataclass(frozen=True)
class MemberDeclaration:
    """A value of an enumeration; without a name, one is made from the value."""

    value: Located[object]
    name: Located[str] | None = None
    doc: str = ""


@dataclass(frozen=True)
class EnumDeclaration:
    """A value type with a fixed set of values."""

    name: Located[str]
    members: tuple[MemberDeclaration, ...]
    doc: str = ""


@dataclass(frozen=True)
class MigrationDeclaration:
    """A migration: the version that it leads to, and the function as `module:function`."""

    to: Located[object]
    call: Located[object]
    compatible: Located[object] | None = None


@dataclass(frozen=True)
class SessionDeclaration:
    """A session; for `model` and `fingerprint` see `ir.Session`.

    Attributes:
        options: Those of `OPTIONS`, unchecked; if it is well, the migrations are a tuple of `MigrationDeclaration`.
        is_readable: Whether nothing was reported about it that could be why it has no keys.
    """

    name: Located[str]
    keys: tuple[FieldDeclaration, ...]
    options: Mapping[str, Located[object]]
    doc: str = ""
    model: ir.Imported | None = None
    fingerprint: str = ""
    is_readable: bool = True


@dataclass(frozen=True)
class Declarations:
    """All that one source declares.

    Attributes:
        source: For findings that have no better position.
        classes: Types that exist in Python already: value types by name, and imported ones by themselves.
    """

    source: Source
    models: tuple[ModelDeclaration, ...]
    sessions: tuple[SessionDeclaration, ...]
    classes: Mapping[ir.Named | ir.Imported, Any] = field(default_factory=dict)
    enums: tuple[EnumDeclaration, ...] = ()

    @property
    def type_names(self) -> tuple[Located[str], ...]:
        """The names of the value types: of models, then of enumerations."""
        return (*(model.name for model in self.models), *(enum.name for enum in self.enums))


OPTIONS = (
    "version",
    "idle",
    "max",
    "scope",
    "handle",
    "create_tool",
    "end_tool",
    "list_tool",
    "reserved",
    "migrations",
)
"""The options of a session, by the names of the Python form."""

KEY_OPTIONS = ("ttl", "create", "renamed_from", "deprecated", "secret")
"""The options of a key, in both forms."""

CONSTRAINTS = (
    "gt",
    "ge",
    "lt",
    "le",
    "multiple_of",
    "min_length",
    "max_length",
    "pattern",
    "max_digits",
    "decimal_places",
    "allow_inf_nan",
    "strict",
    "coerce_numbers_to_str",
    "fail_fast",
    "discriminator",
)
"""The constraints, in the order in which they are written into generated code."""
