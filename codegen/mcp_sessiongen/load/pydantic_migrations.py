"""The migrations of a `SessionModel`: those of its class keyword, and those that decorated functions are."""

from collections.abc import Iterator
from types import FunctionType, ModuleType

from mcp_sessiongen.declarations import Located, MigrationDeclaration
from mcp_sessiongen.diagnostics import Report, Span
from mcp_sessiongen.load.homes import home_of
from mcp_sessiongen.load.live import TypeProblem, attribute, plain
from mcp_sessiongen.load.positions import Positions

_DECLARED = "__sessiongen_migrations__"
"""Where the decorator of the runtime keeps what it was told."""


def read_migrations(
    kind: type, written: object, module: ModuleType, positions: Positions, report: Report
) -> Located[object] | None:
    """Return the migrations of a session, None where there are none; what is no mapping is reported later.

    Args:
        kind: The session.
        written: Its class keyword; None without one.
        module: The user's schema.
        positions: Where things are written.
        report: Takes the findings.
    """
    span = positions.of_option(kind, "migrations") if written is not None else positions.of_class(kind)
    if written is not None and not isinstance(written, dict):
        return Located(written, span)
    pairs = dict.items(written) if isinstance(written, dict) else ()
    found = [_written(to, call, span) for to, call in pairs]
    found += _decorated(kind, module, positions, report)
    return Located(tuple(found), span) if found else None


def _written(to: object, call: object, span: Span) -> MigrationDeclaration:
    """Return a migration as the class keyword has it: a text, or with more to say a dict, as in YAML."""
    said = dict.copy(call) if isinstance(call, dict) else {"call": call}
    compatible = Located(said["compatible"], span) if "compatible" in said else None
    function = said.get("call") if said.keys() <= {"call", "compatible"} else call
    return MigrationDeclaration(Located(plain(to), span), Located(plain(function), span), compatible)


def _decorated(kind: type, module: ModuleType, positions: Positions, report: Report) -> Iterator[MigrationDeclaration]:
    span = positions.of_class(kind)
    for to, function, compatible in attribute(kind, "__dict__").get(_DECLARED, ()):
        try:
            if not isinstance(function, FunctionType):
                message = f"the migration to version {plain(to)} is not a function"
                raise TypeProblem("unsupported", message, "put @migration above a function at the top of a module")
            home, qualname = home_of(function, function.__qualname__, module)
        except TypeProblem as problem:
            report.error(span, problem.code, problem.message, problem.hint)
        else:
            call: Located[object] = Located(f"{home}:{qualname}", span)
            yield MigrationDeclaration(Located(plain(to), span), call, Located(compatible, span))
