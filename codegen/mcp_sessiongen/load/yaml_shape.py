"""The shape of a YAML schema: which mappings it is made of, and what each of their properties is.

One table with two uses: files are read by it, and `format_schema` makes the JSON Schema of the format from it.
What values mean, and which go together, is judged in `analyze`, for both forms of a schema alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from mcp_sessiongen import ir
from mcp_sessiongen.declarations import CONSTRAINTS, KEY_OPTIONS

FORMAT: Final = 1
"""The version of the file format."""

Kind: TypeAlias = Literal[
    "format",
    "doc",
    "text",
    "type",
    "value",
    "bound",
    "count",
    "version",
    "flag",
    "word",
    "duration",
    "name",
    "old name",
    "old names",
    "migrations",
    "class",
    "member",
    "member name",
    "members",
    "types",
    "sessions",
    "fields",
    "keys",
    "lifetime",
    "tools",
]
"""What a property holds."""


@dataclass(frozen=True)
class Property:
    """One property of a mapping.

    Attributes:
        kind: What it holds.
        doc: What it is for, in a sentence or two.
        example: A value of it.
        words: The values that a "word" may have.
        required: Whether the mapping makes no sense without it.
    """

    kind: Kind
    doc: str
    example: object
    words: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True)
class Shape:
    """A mapping with a fixed set of properties."""

    doc: str
    properties: Mapping[str, Property]


_DOC: Final = Property("doc", "What it is, for people and models; it becomes a docstring.", "One line of a cart.")

_CONSTRAINTS: Final = {
    "gt": Property("bound", "The value is greater than this.", 0),
    "ge": Property("bound", "The value is at least this.", 0),
    "lt": Property("bound", "The value is less than this.", 100),
    "le": Property("bound", "The value is at most this.", 99),
    "multiple_of": Property("bound", "The value is a multiple of this.", 5),
    "min_length": Property("count", "The least number of characters or items.", 1),
    "max_length": Property("count", "The greatest number of characters or items.", 80),
    "pattern": Property(
        "text", "A regular expression that is found in the text; ^ and $ hold it at the ends.", "^[a-z]+$"
    ),
    "max_digits": Property("count", "How many digits a Decimal may have.", 10),
    "decimal_places": Property("count", "How many digits a Decimal may have after the point.", 2),
    "allow_inf_nan": Property("flag", "Whether a number may be infinite or not a number.", False),
    "strict": Property(
        "flag",
        "Whether JSON is taken as it is: a number is no text, and a text no number. Else Pydantic converts.",
        True,
    ),
    "coerce_numbers_to_str": Property("flag", "Whether a number in JSON is taken as the text that it is.", True),
    "fail_fast": Property("flag", "Whether the first wrong item is enough, and the rest is not looked at.", True),
    "discriminator": Property("name", "The field, a Literal, by which the models of a union are told apart.", "kind"),
}

_KEY_OPTIONS: Final = {
    "ttl": Property("duration", "How long a value is kept after it was written; then the key is unset again.", "5m"),
    "create": Property(
        "word",
        "Whether the create tool has a parameter for the key.",
        "optional",
        words=tuple(word for word in get_args(ir.Create) if word),
    ),
    "renamed_from": Property("old name", "The name that the key had in an earlier version.", "language"),
    "deprecated": Property("text", "Why the key should not be used any more, and what to use instead.", "Use title."),
    "secret": Property(
        "flag", "Whether the value is for the tools alone: it is masked wherever people look at sessions.", True
    ),
}

_FIELD: Final = {
    "type": Property("type", "A type expression, as in Python; `T?` is `T | None`.", "list[str]", required=True),
    "default": Property("value", "The value of a key that was not written. Dates and Decimals are written as text.", 0),
    "doc": _DOC,
    **{name: _CONSTRAINTS[name] for name in CONSTRAINTS},
}

FILE: Final = Shape(
    "A schema of mcp-sessiongen: typed session state for MCP servers.",
    {
        "sessiongen": Property("format", "The version of this file format.", FORMAT, required=True),
        "types": Property(
            "types",
            "Value types that keys refer to: models, enums and imported classes.",
            {"Item": {"sku": "str", "qty": "int = 1"}},
        ),
        "sessions": Property(
            "sessions", "The sessions, by name.", {"counter": {"keys": {"count": "int = 0"}}}, required=True
        ),
    },
)

MODEL: Final = Shape(
    "A model: a value with named fields.",
    {
        "doc": _DOC,
        "fields": Property("fields", "The fields, by name.", {"sku": "str", "qty": "int = 1"}, required=True),
    },
)

ENUM: Final = Shape(
    "An enum: a fixed set of texts or of whole numbers.",
    {
        "doc": _DOC,
        "enum": Property(
            "members",
            "The values: a list of them, or a mapping from values to what they mean.",
            ["open", "checkout", "paid"],
            required=True,
        ),
    },
)

MEMBER: Final = Shape(
    "A value of an enum.",
    {
        "value": Property("member", "The value: a text or a whole number.", 2, required=True),
        "name": Property("member name", "Its name in Python; without one, the value in capitals.", "SECOND"),
        "doc": Property("doc", "What the value means.", "Being filled."),
    },
)

IMPORT: Final = Shape(
    "A type that exists in Python already.",
    {"import": Property("class", "Where it is: `module:Class`.", "app.models:Address", required=True)},
)

FIELD: Final = Shape("A field of a model.", _FIELD)

KEY: Final = Shape("A key of a session.", {**_FIELD, **{name: _KEY_OPTIONS[name] for name in KEY_OPTIONS}})

LIFETIME: Final = Shape(
    "How long a session lives.",
    {
        "idle": Property("duration", "How long after its last use.", "30m"),
        "max": Property("duration", "How long after it was created, however much it is used.", "24h"),
    },
)

TOOLS: Final = Shape(
    "The names of a session's tools.",
    {
        "create": Property("name", "The tool that creates a session; else `create_` and the handle.", "create_cart"),
        "end": Property("name", "The tool that ends a session; else `end_` and the handle.", "end_cart"),
        "list": Property("name", "The tool that lists the user's own sessions; without a name there is none.", "carts"),
    },
)

MIGRATION: Final = Shape(
    "A step of stored data from one version to the next.",
    {
        "to": Property("version", "The version that it leads to.", 3, required=True),
        "call": Property(
            "class",
            "The function, `module:function`: it takes the state of the version before, and returns that of this one.",
            "app.migrations:cart_v3",
            required=True,
        ),
        "compatible": Property(
            "flag", "Whether servers of the version before can go on with the sessions that it has migrated.", True
        ),
    },
)

SESSION: Final = Shape(
    "A session: typed state that lives between the calls of tools.",
    {
        "doc": Property("doc", "What it is, for people and models.", "A cart that survives between tool calls."),
        "version": Property("version", "The version of the session's schema, from 1.", 2),
        "lifetime": Property("lifetime", "How long a session lives.", {"idle": "30m", "max": "24h"}),
        "scope": Property(
            "word",
            "What names the session of a call: a handle, the transport session, the user; auto takes either of the"
            " first two.",
            "auto",
            words=get_args(ir.Scope),
        ),
        "handle": Property("name", "The argument of tools that names a session; else the session's name.", "basket"),
        "tools": Property("tools", "The names of the tools that create, end and list.", {"create": "create_cart"}),
        "reserved": Property(
            "old names",
            "Names that no key may have: those of keys that were removed. A migration drops their values.",
            ["old_total"],
        ),
        "migrations": Property(
            "migrations",
            "What brings stored data of an older version to this one, where it takes a function.",
            [{"to": 3, "call": "app.migrations:cart_v3"}],
        ),
        "keys": Property("keys", "The keys, by name.", {"visits": "int = 0", "title": "str?"}, required=True),
    },
)
