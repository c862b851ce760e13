"""One session with its keys, as lines for people and as JSON."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from mcp_sessiongen.commands.sessions.rows import json_of as json_of_summary
from mcp_sessiongen.commands.sessions.rows import rounded
from mcp_sessiongen.commands.sessions.units import moment, size, time
from mcp_sessiongen.diagnostics import printable
from mcp_sessiongen.terminal import has_colours

if TYPE_CHECKING:
    from mcp_sessions.admin import Detail, Entry

_MASK: Final = "********"
_WIDTH: Final = 12
_BYTES: Final = 200
"""How many bytes are shown of what is no JSON."""


def lines_of(detail: "Detail", keys: tuple[str, ...] = ()) -> Iterator[str]:
    """Give the lines that show a session; with ``keys``, those of these keys alone."""
    entries = [entry for entry in detail.entries if not keys or entry.key in keys]
    if not keys:
        yield from _head(detail)
        if entries:
            yield ""
    for entry in entries:
        yield from _key(entry)
    if not keys and any(entry.is_encrypted for entry in entries):
        yield ""
        yield _styled("Values are encrypted: their keys are read from MCP_SESSIONS_KEYS or --keys-file.", "yellow")
    elif not keys and not detail.has_schema and entries and detail.summary.schema != "events":
        yield ""
        yield "The schema is not at hand: --module names it, and values are shown by their types."
        if detail.takes_all_as_secret:
            yield "Without it nobody knows which keys are secret: --reveal shows all."


def _head(detail: "Detail") -> Iterator[str]:
    one = detail.summary
    yield _styled(f"{printable(one.schema)}  {printable(one.masked)}", bold=True)
    yield _fact("owner", "none" if one.owner is None else printable(one.owner))
    yield _fact("began", f"{moment(one.created)}, {time(one.age)} ago")
    used = "cannot be told" if one.idle is None else f"{time(one.idle)} ago"
    yield _fact("last used", used)
    idle = f", or {time(detail.idle_lifetime)} after its next use" if detail.idle_lifetime else ""
    yield _fact("expires", f"in {time(one.expires_in)}{idle}")
    if one.max_at is not None:
        yield _fact("at most", f"until {moment(one.max_at)}")
    ours = "" if detail.schema_version in (None, one.version) else f" (the schema at hand is {detail.schema_version})"
    yield _fact("version", f"{one.version}{ours}")
    yield _fact("size", size(one.size))
    yield _fact("reference", one.reference)
    if detail.problem:
        yield _fact("problem", _styled(printable(detail.problem), "red"))


def _fact(name: str, text: str) -> str:
    return f"  {name:<{_WIDTH}}{text}"


def _key(entry: "Entry") -> Iterator[str]:
    """Give the lines of a key: its doc, its name, type and value as Python has them, and what is wrong with it."""
    for line in entry.doc.splitlines():
        yield _styled(f"  # {printable(line)}".rstrip(), dim=True)
    declared = f": {printable(entry.type)}" if entry.type else ""
    first, *rest = _value(entry)
    note = f"  ({note})" if (note := _note(entry)) else ""
    name = _styled(printable(entry.key), bold=True)
    yield f"  {name}{declared}{' = ' + first if first else ''}{_styled(note, dim=True)}"
    for line in rest:
        yield f"  {line}"
    if entry.problem:
        yield _styled(f"    wrong: {printable(entry.problem)}", "red")


def _value(entry: "Entry") -> list[str]:
    if entry.text is not None:
        return [printable(line) for line in entry.text.split("\n")]
    if entry.is_encrypted:
        return ["<encrypted>"]
    if entry.is_secret and (entry.state != "unset" or entry.is_default):
        return [_MASK]
    if entry.state == "unset":
        return [""]
    if entry.raw is None:
        return [f"<{size(entry.size)}>"]
    return [printable(repr(entry.raw[:_BYTES])) + ("..." if len(entry.raw) > _BYTES else "")]


def _note(entry: "Entry") -> str:
    notes = []
    if entry.state == "unset":
        notes.append("default" if entry.is_default else "unset")
    if entry.state == "undeclared":
        notes.append("not in the schema")
    if entry.is_secret and entry.text is not None:
        notes.append("secret")
    if entry.expires_in is not None:
        notes.append(f"unset in {time(entry.expires_in)}")
    return ", ".join(notes)


def _styled(text: str, colour: str | None = None, *, bold: bool = False, dim: bool = False) -> str:
    return click.style(text, fg=colour, bold=bold or None, dim=dim or None) if text and has_colours() else text


def json_of(detail: "Detail", keys: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a session with its keys as a JSON object."""
    entries = [_json_of_key(entry) for entry in detail.entries if not keys or entry.key in keys]
    about = {"has_schema": detail.has_schema, "schema_version": detail.schema_version, "problem": detail.problem}
    return {**json_of_summary(detail.summary), **about, "keys": entries}


def _json_of_key(entry: "Entry") -> dict[str, Any]:
    return {
        "key": entry.key,
        "type": entry.type,
        "doc": entry.doc,
        "state": entry.state,
        "value": _parsed(entry.text),
        "is_default": entry.is_default,
        "is_secret": entry.is_secret,
        "is_masked": entry.is_partial or (entry.is_secret and entry.text is None),
        "is_encrypted": entry.is_encrypted,
        "size": entry.size,
        "expires_in": rounded(entry.expires_in),
        "problem": entry.problem,
    }


def _parsed(text: str | None) -> Any:
    """Return a value for JSON: what other readers could not take, such as NaN, as its text."""
    if text is None:
        return None
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return text
    return value
