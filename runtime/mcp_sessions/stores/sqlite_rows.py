"""Sessions as rows of SQLite tables: one statement for each thing that is asked of them."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mcp_sessions.stores.base import TOMBSTONE_SECONDS, Address, Space
from mcp_sessions.stores.records import Record, State
from mcp_sessions.stores.rows import Rows

_STATES: Final[tuple[State, ...]] = ("live", "expired", "ended")

_COLUMNS: Final = "schema, owner, created, expires, idle, max_at, state"
_FIND: Final = f"SELECT {_COLUMNS} FROM sessions WHERE space = ? AND id = ?"
_KEEP: Final = f"INSERT OR REPLACE INTO sessions (space, id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FORGET: Final = "DELETE FROM sessions WHERE space = ? AND id = ?"
_DUE: Final = f"""SELECT space, id, {_COLUMNS} FROM sessions WHERE state = 0 AND expires <= ?
    UNION ALL SELECT space, id, {_COLUMNS} FROM sessions WHERE state IN (1, 2) AND expires <= ? LIMIT ?"""
_WHERE: Final = "WHERE space = ? AND id = ? AND schema = ?"
_ALL: Final = f"SELECT key, value FROM session_values {_WHERE}"
_ONE: Final = f"SELECT value FROM session_values {_WHERE} AND key = ?"
_NAMES: Final = f"SELECT key FROM session_values {_WHERE} ORDER BY key"
_SET: Final = "INSERT OR REPLACE INTO session_values (space, id, schema, key, value) VALUES (?, ?, ?, ?, ?)"
_UNSET: Final = f"DELETE FROM session_values {_WHERE} AND key = ?"
_DROP: Final = f"DELETE FROM session_values {_WHERE}"
_DROP_ALL: Final = "DELETE FROM session_values WHERE space = ? AND id = ?"


class WriteNeededError(Exception):
    """Rows that were opened for reading alone would have to be changed."""


def rows_in(connection: sqlite3.Connection, *, writable: bool) -> Rows:
    """Return the rows of a connection's current transaction.

    Unless ``writable``, they raise ``WriteNeededError`` instead of changing.
    """
    return _SQLiteRows(connection, writable)


class _SQLiteRows:
    """Rows in a connection's current transaction."""

    def __init__(self, connection: sqlite3.Connection, writable: bool) -> None:
        self._execute = connection.execute
        self._writable = writable

    def find(self, space: Space, id: str) -> Record | None:
        row = self._execute(_FIND, (space, id)).fetchone()
        return None if row is None else _record(row)

    def keep(self, space: Space, id: str, record: Record) -> None:
        times = (record.created, record.expires, record.idle, record.max_at)
        self._change(_KEEP, (space, id, record.schema, record.owner, *times, _STATES.index(record.state)))

    def forget(self, space: Space, id: str) -> None:
        self._change(_FORGET, (space, id))

    def due(self, now: float, limit: int) -> list[tuple[Space, str, Record]]:
        found = self._execute(_DUE, (now, now - TOMBSTONE_SECONDS, limit)).fetchall()
        return [(space, id, _record(row)) for space, id, *row in found]

    def get(self, address: Address, keys: Sequence[str] | None) -> dict[str, bytes]:
        where = (address.space, address.id, address.schema)
        if keys is None:
            return dict(self._execute(_ALL, where))
        found = ((key, self._execute(_ONE, (*where, key)).fetchone()) for key in keys)
        return {key: row[0] for key, row in found if row is not None}

    def names(self, address: Address) -> list[str]:
        return [key for (key,) in self._execute(_NAMES, (address.space, address.id, address.schema))]

    def put(self, address: Address, changes: Mapping[str, bytes | None]) -> None:
        where = (address.space, address.id, address.schema)
        for key, value in changes.items():
            if value is None:
                self._change(_UNSET, (*where, key))
            else:
                self._change(_SET, (*where, key, value))

    def drop(self, space: Space, id: str, schema: str | None = None) -> None:
        if schema is None:
            self._change(_DROP_ALL, (space, id))
        else:
            self._change(_DROP, (space, id, schema))

    def _change(self, statement: str, parameters: tuple[str | bytes | float | None, ...]) -> None:
        if not self._writable:
            raise WriteNeededError
        self._execute(statement, parameters)


def _record(row: Sequence[Any]) -> Record:
    schema, owner, created, expires, idle, max_at, state = row
    return Record(schema, owner, created, expires, idle, max_at, _STATES[state])
