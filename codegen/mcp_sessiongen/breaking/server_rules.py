"""The rules of the category `servers`: what new code stores and released servers refuse, or cut short."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.breaking import facts
from mcp_sessiongen.breaking.get_along import get_along, obstacles
from mcp_sessiongen.breaking.problems import Problem
from mcp_sessiongen.breaking.stored_rules import is_bound_anew
from mcp_sessiongen.breaking.subject import Pair, finding
from mcp_sessiongen.diagnostics import Diagnostic
from mcp_sessiongen.history import returning

_LATER: Final = "release the code that reads such values first, and the code that writes them after it"
_TWO_STEPS: Final = (
    "release in two steps: first what reads both forms, then what writes only the new one; or stop all released servers"
    " before new ones start"
)
_SPACES: Final[dict[ir.Scope, set[str]]] = {
    "auto": {"handle", "transport"},
    "handle": {"handle"},
    "transport": {"transport"},
    "user": {"user"},
}
"""Where sessions of a scope lie."""


def unreadable_for_servers(pair: Pair) -> Iterator[Diagnostic]:
    """Find what the new code writes and released servers do not read as it is."""
    if pair.is_refused:
        if _SPACES[pair.old.scope] & _SPACES[pair.new.scope]:
            yield _refused(pair)
        return
    if is_bound_anew(pair):
        message = f"what the model of {pair.what} accepts has changed, so released servers may refuse what is written"
        yield finding(pair.place(), "breaking-type-widened", message, _LATER)
    for _, key in pair.kept:
        for problem in pair.forward(key):
            yield from _of_problem(pair, key, problem)


def _refused(pair: Pair) -> Diagnostic:
    reasons = list(islice(_reasons(pair), 2))
    hint = _TWO_STEPS
    if not reasons:
        reasons, hint = _unknown(pair)
    message = (
        f"released servers, with version {pair.old.version}, refuse {pair.what} once it is of version"
        f" {pair.new.version}: {', and '.join(reasons)}"
    )
    return finding(pair.place(), "breaking-session-refused", message, hint)


def _reasons(pair: Pair) -> Iterator[str]:
    """Return why the two can not get along, whatever is known of the past."""
    for call in pair.new.migrations:
        is_compatible = call.compatible and pair.old.version == call.to - 1
        if pair.old.version < call.to <= pair.new.version and not is_compatible:
            yield f"a function migrates it to version {call.to}"
    yield from obstacles(pair)
    for name in sorted(returning(pair.old, pair.new, pair.known)):
        yield f"key {name!r} has a name that a key had before version {pair.old.version}"
    for number, version in sorted(pair.known.items()):
        is_between = pair.old.version < number < pair.new.version
        if is_between and not get_along(version.module, version.session, pair.now.module, pair.new):
            yield f"version {number}, which came between, does not get along with it"


def _unknown(pair: Pair) -> tuple[list[str], str]:
    """Return why nobody knows that the two get along, and how to make it known."""
    file = f"history/{pair.new.name}.v{pair.old.version}.yaml"
    command = pair.command or f"mcp-sessiongen migration new {pair.new.name}"
    if pair.old.version in pair.known and pair.command:
        return [f"{file} is not what was released"], f"remove that file, then run  {command}"
    reason = f"they get along, but the compiler does not know it without {file}"
    if pair.command:
        return [reason], f"write it:  {command}"
    if any(pair.old.version < number for number in pair.known):
        return [reason], f"write it, and each version after it that is not in {file.partition('/')[0]}/, as they were"
    return [reason], f"write  {pair.next_version}  and run  {command}"


def _of_problem(pair: Pair, key: ir.Field, problem: Problem) -> Iterator[Diagnostic]:
    owner, field = problem.writer
    fact = facts.of_writing(key, problem)
    span = pair.now.place(owner, field) if owner else pair.place(key.name)
    match problem.kind:
        case "constraint":
            yield finding(
                span, "breaking-constraint-loosened", f"{fact}: released servers may refuse new values", _LATER
            )
        case "value":
            yield finding(span, "breaking-value-added", fact, _LATER)
        case "lost":
            message = f"{fact}: released servers drop it when they write a value back"
            hint = "give it a default, and rely on it only once no released server runs any more"
            yield finding(span, "breaking-field-added", message, hint)
        case "required":
            message = f"{fact}, and released servers require it"
            yield finding(span, "breaking-field-dropped", message, "keep it until none of them runs any more")
        case "type":
            yield finding(span, "breaking-type-widened", fact, _LATER)
        case "default":
            pass
