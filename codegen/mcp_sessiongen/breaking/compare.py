"""All rules, over all schemas: what was released and what there is now."""

from collections.abc import Iterable, Iterator, Sequence

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.code_rules import accessors, value_types
from mcp_sessiongen.breaking.policy_rules import defaults, lifetimes, names, secrets, versions
from mcp_sessiongen.breaking.server_rules import unreadable_for_servers
from mcp_sessiongen.breaking.stored_rules import unreadable_data
from mcp_sessiongen.breaking.subject import Pair, Schema, finding
from mcp_sessiongen.breaking.tool_rules import tool_names, tools
from mcp_sessiongen.diagnostics import Diagnostic
from mcp_sessiongen.naming import class_names


def breaking(released: Sequence[Schema], current: Sequence[Schema], arguments: str = "") -> list[Diagnostic]:
    """Return all that the rules find, in reading order.

    Args:
        released: The schemas as they were.
        current: The schemas as they are.
        arguments: What of the command line commands in hints should have too.
    """
    found = {*_sessions(released, current, arguments), *_types(released, current)}
    return sorted(found, key=lambda diagnostic: diagnostic.order)


def _sessions(released: Sequence[Schema], current: Sequence[Schema], arguments: str) -> Iterator[Diagnostic]:
    for was in released:
        for old in was.module.sessions:
            pair = _pair(was, old, current, arguments)
            yield from _of_pair(pair) if pair else _removed(was, old, current)


def _pair(was: Schema, old: ir.Session, current: Iterable[Schema], arguments: str) -> Pair | None:
    """Return a session with what it has become: in the same source, else in any."""
    for now in sorted(current, key=lambda schema: schema.source != was.source):
        for new in now.module.sessions:
            if new.name == old.name:
                is_next = new.version <= old.version + 1
                command = f"mcp-sessiongen migration new {new.name} {arguments}".rstrip() if is_next else ""
                return Pair(was, now, old, new, command)
    return None


def _of_pair(pair: Pair) -> Iterator[Diagnostic]:
    data = list(unreadable_data(pair))
    yield from data
    yield from unreadable_for_servers(pair)
    yield from accessors(pair)
    yield from tools(pair)
    yield from lifetimes(pair)
    yield from names(pair)
    yield from versions(pair, has_data=bool(data))
    yield from defaults(pair)
    yield from secrets(pair)


def _removed(was: Schema, old: ir.Session, current: Iterable[Schema]) -> Iterator[Diagnostic]:
    span = next((now.top for now in current if now.source == was.source), was.top)
    message = f"session {old.name!r} is gone: the sessions that exist are never found again"
    yield finding(span, "breaking-session-removed", message, "keep it until they have expired")
    _, _, accessor = class_names(old.name)
    yield finding(span, "breaking-name-removed", f"class {accessor} is gone", "keep the session for a release")
    for name in tool_names(old).values():
        yield finding(span, "breaking-tool-removed", f"tool {name!r} is gone", "keep the session for a release")


def _types(released: Sequence[Schema], current: Sequence[Schema]) -> Iterator[Diagnostic]:
    for was in released:
        for now in current:
            if was.source == now.source:
                yield from value_types(was, now)
