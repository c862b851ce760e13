"""Enumerations of a Python schema that are compiled with it: classes that derive from `ValueEnum` or `ValueIntEnum`."""

from enum import Enum
from typing import Final

from mcp_sessiongen.declarations import EnumDeclaration, Located, MemberDeclaration
from mcp_sessiongen.diagnostics import Report
from mcp_sessiongen.load.live import doc_of, plain
from mcp_sessiongen.load.positions import Positions

_METHODS: Final = (type(lambda: None), classmethod, staticmethod, property)
_MADE_BY_ENUM: Final = frozenset({"_generate_next_value_", "__new__"})
_HINT: Final = "derive it from enum.Enum in a module of its own: it is then imported, not compiled"


def read_enum(kind: type[Enum], positions: Positions, report: Report) -> EnumDeclaration:
    """Return an enumeration as it is declared.

    Args:
        kind: The class.
        positions: Finds its parts.
        report: Takes what generated code would not have.
    """
    for name, member in vars(kind).items():
        if isinstance(member, _METHODS) and name not in _MADE_BY_ENUM and _is_own(kind, member):
            message = f"the method {name} of {kind.__name__} would be missing in the generated class"
            report.error(positions.of_member(kind, name), "unsupported", message, _HINT)
    members = tuple(
        MemberDeclaration(
            value=Located(plain(member.value), positions.of_member(kind, name)),
            name=Located(name, positions.of_member(kind, name)),
            doc=positions.doc_of(kind, name),
        )
        for name, member in kind.__members__.items()
    )
    return EnumDeclaration(Located(kind.__name__, positions.of_class(kind)), members, doc_of(kind))


def _is_own(kind: type[Enum], member: object) -> bool:
    """Tell whether a method is written in the class, and was not put there by its metaclass."""
    function = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
    return str(getattr(function, "__qualname__", "")).startswith(f"{kind.__qualname__}.")
