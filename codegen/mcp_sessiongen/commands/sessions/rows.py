"""Sessions as rows of a table and as JSON, printed while they come in."""

import json
from typing import TYPE_CHECKING, Any, Final

from mcp_sessiongen.commands.sessions.table import Column, Table
from mcp_sessiongen.commands.sessions.units import iso, size, time
from mcp_sessiongen.terminal import say

if TYPE_CHECKING:
    from mcp_sessions.admin import Summary

OWNER_SHOWN: Final = 8
"""Characters of an owner's hash that tell it from others."""

_AT_ONCE: Final = 100
"""How many rows are printed together; from the first of them the table has its widths."""

_COLUMNS: Final = (
    Column("SCHEMA", flexible=True),
    Column("SESSION", flexible=True),
    Column("OWNER"),
    Column("AGE", is_number=True),
    Column("IDLE", is_number=True),
    Column("EXPIRES IN", is_number=True),
    Column("SIZE", is_number=True),
    Column("VER", is_number=True),
)
_REFERENCE: Final = Column("REFERENCE")


class Printer:
    """Prints sessions as a table, as one JSON array or as JSON objects, a line each; it keeps none of them.

    Args:
        form: "table", "json" or "jsonl".
        ids: Whether whole ids are shown.
        references: Whether a table shows references instead of versions.
        err: Whether a table is no result, but part of a message.
    """

    def __init__(self, form: str, *, ids: bool = False, references: bool = False, err: bool = False) -> None:
        self.count = 0
        self._form = form
        self._ids = ids
        self._err = err
        self._references = references
        self._table = Table((*_COLUMNS[:-1], _REFERENCE) if references else _COLUMNS)
        self._rows: list[list[str]] = []

    def add(self, one: "Summary") -> None:
        """Print a session, now or with others."""
        self.count += 1
        if self._form == "table":
            row = _row_of(one, ids=self._ids)
            self._rows.append([*row[:-1], one.reference] if self._references else row)
            if len(self._rows) == _AT_ONCE:
                self._flush()
            return
        text = json.dumps(json_of(one, ids=self._ids))
        if self._form == "json":
            say(("[" if self.count == 1 else ",\n ") + text, end="")
        else:
            say(text)

    def finish(self) -> None:
        """Print what is left."""
        self._flush()
        if self._form == "json":
            say("]" if self.count else "[]")

    def _flush(self) -> None:
        for line in self._table.lines(self._rows):
            say(line, err=self._err)
        self._rows.clear()


def _row_of(one: "Summary", *, ids: bool) -> list[str]:
    owner = "-" if one.owner is None else one.owner[:OWNER_SHOWN]
    times = (time(one.age), time(one.idle), time(one.expires_in))
    return [one.schema, one.address.id if ids else one.masked, owner, *times, size(one.size), str(one.version)]


def json_of(one: "Summary", *, ids: bool = False) -> dict[str, Any]:
    """Return a session as a JSON object: seconds, bytes, and times in UTC."""
    return {
        "schema": one.schema,
        "session": one.masked,
        **({"id": one.address.id} if ids else {}),
        "reference": one.reference,
        "space": one.space,
        "owner": one.owner,
        "version": one.version,
        "size": one.size,
        "created": iso(one.created),
        "last_used": iso(one.last_used),
        "expires": iso(one.expires),
        "max_at": iso(one.max_at),
        "age": rounded(one.age),
        "idle": rounded(one.idle),
        "expires_in": rounded(one.expires_in),
        "idle_lifetime": rounded(one.idle_lifetime),
    }


def rounded(seconds: float | None) -> float | None:
    """Return seconds to the millisecond."""
    return None if seconds is None else round(seconds, 3)
