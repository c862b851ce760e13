"""The names in a generated module: what a schema's names become."""

from functools import lru_cache
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.names import cap_words
from mcp_sessiongen.type_parts import bare, parts_of, without_none
from mcp_sessiongen.type_rules import describe

RENAMED_IMPORTS: Final = {"date": "Date", "time": "Time", "datetime": "DateTime", "timedelta": "TimeDelta"}
"""Types in lower case, and what they are imported as where a key has the same name."""

RESERVED: Final = frozenset(
    {
        "Annotated",
        "Any",
        "Callable",
        "Decimal",
        "DictKey",
        "Field",
        "Final",
        "Key",
        "ListKey",
        "Literal",
        "Migration",
        "NumberKey",
        "PastVersion",
        "Session",
        "SessionModel",
        "SessionSchema",
        "TypeAlias",
        "UUID",
        "ValueEnum",
        "ValueIntEnum",
        "ValueModel",
        "deprecated",
        "overload",
        "require_interface",
        *RENAMED_IMPORTS.values(),
    }
)
"""Names that a generated module may import, or a schema in Python."""

VERBS: Final = ("get", "set", "has", "remove", "take", "update", "increment", "append", "put", "pop")
"""What the names of an accessor's methods begin with, before the key."""

_LONG: Final = 40


def prefix_of(session: str) -> str:
    """Return what the names of a session's classes begin with."""
    return cap_words(session)


def class_names(session: str) -> tuple[str, str, str]:
    """Return the names of the alias for key names, the state model, and the accessor."""
    prefix = prefix_of(session)
    return f"{prefix}Key", f"{prefix}State", f"{prefix}Session"


def schema_constant(session: str, *, several: bool) -> str:
    """Return the name of the private constant that holds a session's schema."""
    return constant_name(session, "schema", several=several)


def constant_name(session: str, key: str, *, several: bool) -> str:
    """Return the name of a key's private constant; with several sessions in a module it names its own."""
    return f"_{session}_{key}".upper() if several else f"_{key}".upper()


def aliases_of(prefix: str, key: str, kind: ir.Type) -> dict[ir.Type, str]:
    """Return the parts of a key's type, as checkers see it, that get a public name.

    These are choices, because people write them; sets, because the accessor's method `set` hides the builtin; and what
    would make signatures long.
    """
    found: dict[ir.Type, str] = {}
    base = prefix + cap_words(key)
    for part in _parts_with_names(kind):
        found[part] = base if not found else f"{base}{len(found) + 1}"
    return found


@lru_cache(maxsize=2000)
def _parts_with_names(kind: ir.Type) -> tuple[ir.Type, ...]:
    outer = without_none(bare(kind))
    # The accessor spells a list's items and a dict's keys and values by themselves.
    is_container = isinstance(outer, ir.Table) or (isinstance(outer, ir.Array) and outer.kind == "list")
    apart = parts_of(outer) if is_container else (outer,)
    return tuple(dict.fromkeys(named for inner in apart for named in _named_parts(inner)))


def _named_parts(kind: ir.Type) -> tuple[ir.Type, ...]:
    match kind:
        case ir.Choice(values=values) if len(values) > 1:
            return (kind,)
        case ir.Array(kind="set"):
            return (kind,)
        case ir.Named() | ir.Imported(arguments=()) | ir.Scalar() | ir.Choice():
            return ()
        case _ if len(describe(kind)) > _LONG:
            return (kind,)
        case _:
            return tuple(part for inner in parts_of(kind) for part in _named_parts(inner))
