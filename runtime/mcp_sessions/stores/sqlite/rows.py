"""Sessions as rows of SQLite tables: one statement for each thing that is asked of them."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mcp_sessions.stores.medium import Rows
from mcp_sessions.stores.records import Record, State
from mcp_sessions.stores.terms import TOMBSTONE_SECONDS, TRANSPORT_SCHEMA, Address

_STATES: Final[tuple[State, ...]] = ("live", "expired", "ended")

_WHERE: Final = "WHERE space = ? AND id = ? AND schema = ?"

_NAME: Final = "space, id, schema"
_COLUMNS: Final = "version, digest, owner, created, expires, idle, max_at, state, size, since"
_EXCLUDED: Final = ", ".join(f"excluded.{column}" for column in _COLUMNS.split(", "))
_FIND: Final = f"SELECT {_COLUMNS} FROM sessions {_WHERE}"
_FIND_BOTH: Final = f"SELECT schema, {_COLUMNS} FROM sessions WHERE space = ? AND id = ? AND schema IN (?, ?)"
_FIND_CHILDREN: Final = f"SELECT {_NAME}, {_COLUMNS} FROM sessions WHERE space = ? AND id = ? AND schema > ?"
_KEEP: Final = f"""INSERT INTO sessions ({_NAME}, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT ({_NAME}) DO UPDATE SET ({_COLUMNS}) = ({_EXCLUDED})"""
_FORGET: Final = f"DELETE FROM sessions {_WHERE}"
_DUE: Final = f"""SELECT {_NAME}, {_COLUMNS} FROM sessions WHERE state = 0 AND expires <= ?
    UNION ALL SELECT {_NAME}, {_COLUMNS} FROM sessions WHERE state IN (1, 2) AND expires <= ? LIMIT ?"""

_SET_NOW: Final = f"{_WHERE} AND (until IS NULL OR until > ?)"
_ALL: Final = f"SELECT key, value FROM session_values {_SET_NOW}"
_ONE: Final = f"SELECT value FROM session_values {_SET_NOW} AND key = ?"
_UNTILS: Final = f"SELECT key, until FROM session_values {_WHERE} AND until IS NOT NULL"
_NAMES: Final = f"SELECT key FROM session_values {_SET_NOW} ORDER BY key"
_SET: Final = f"INSERT OR REPLACE INTO session_values ({_NAME}, key, value, until) VALUES (?, ?, ?, ?, ?, ?)"
_UNSET: Final = f"DELETE FROM session_values {_WHERE} AND key = ?"
_OVER: Final = f"SELECT {_NAME}, key FROM session_values WHERE until <= ? LIMIT ?"
_STORED: Final = f"SELECT length(CAST(key AS BLOB)) + length(value) FROM session_values {_WHERE} AND key = ?"
_COUNT: Final = "SELECT live FROM session_count"
_COUNT_OF: Final = """SELECT count(*) FROM (
    SELECT 1 FROM sessions WHERE owner = ? AND state = 0 AND (space <> 'transport' OR schema = '') LIMIT ?)"""
_SCAN: Final = f"""SELECT {_NAME}, {_COLUMNS} FROM sessions
    WHERE ({_NAME}) > (?, ?, ?) AND state = 0 AND expires > ? {{filters}} ORDER BY {_NAME} LIMIT ?"""
_DROP: Final = f"DELETE FROM session_values {_WHERE}"


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

    def find(self, address: Address) -> Record | None:
        row = self._execute(_FIND, _name(address)).fetchone()
        return None if row is None else _record(row)

    def find_with_parent(self, address: Address) -> tuple[Record | None, Record | None]:
        found = self._execute(_FIND_BOTH, (*_name(address), TRANSPORT_SCHEMA)).fetchall()
        records = {schema: _record(row) for schema, *row in found}
        return records.get(address.schema), records.get(TRANSPORT_SCHEMA)

    def children(self, address: Address) -> list[tuple[Address, Record]]:
        return [_session(row) for row in self._execute(_FIND_CHILDREN, _name(address)).fetchall()]

    def keep(self, address: Address, record: Record) -> None:
        times = (record.created, record.expires, record.idle, record.max_at)
        about = (record.version, record.digest, record.owner, *times)
        state = (_STATES.index(record.state), record.size, record.since)
        self._change(_KEEP, (*_name(address), *about, *state))

    def forget(self, address: Address) -> None:
        self._change(_FORGET, _name(address))

    def due(self, now: float, limit: int) -> list[tuple[Address, Record]]:
        found = self._execute(_DUE, (now, now - TOMBSTONE_SECONDS, limit)).fetchall()
        return [_session(row) for row in found]

    def get(self, address: Address, keys: Sequence[str] | None, now: float) -> dict[str, bytes]:
        where = (*_name(address), now)
        if keys is None:
            return dict(self._execute(_ALL, where))
        found = ((key, self._execute(_ONE, (*where, key)).fetchone()) for key in keys)
        return {key: row[0] for key, row in found if row is not None}

    def untils(self, address: Address) -> dict[str, float]:
        return dict(self._execute(_UNTILS, _name(address)))

    def names(self, address: Address, now: float) -> list[str]:
        return [key for (key,) in self._execute(_NAMES, (*_name(address), now))]

    def put(self, address: Address, changes: Mapping[str, bytes | None], untils: Mapping[str, float]) -> None:
        where = _name(address)
        for key, value in changes.items():
            if value is None:
                self._change(_UNSET, (*where, key))
            else:
                self._change(_SET, (*where, key, value, untils.get(key)))

    def drop(self, address: Address) -> None:
        self._change(_DROP, _name(address))

    def over(self, now: float, limit: int) -> list[tuple[Address, str]]:
        found = self._execute(_OVER, (now, limit)).fetchall()
        return [(Address(space, id, schema), key) for space, id, schema, key in found]

    def stored(self, address: Address, keys: Sequence[str]) -> int:
        found = (self._execute(_STORED, (*_name(address), key)).fetchone() for key in keys)
        return sum(row[0] for row in found if row is not None)

    def count(self) -> int:
        return int(self._execute(_COUNT).fetchone()[0])

    def count_of(self, owner: str, most: int) -> int:
        return int(self._execute(_COUNT_OF, (owner, most)).fetchone()[0])

    def scan(
        self, schema: str | None, owner: str | None, now: float, limit: int, after: tuple[str, str, str]
    ) -> list[tuple[Address, Record]]:
        filters = {name: value for name, value in (("schema", schema), ("owner", owner)) if value is not None}
        query = _SCAN.format(filters=" ".join(f"AND {name} = ?" for name in filters))
        return [_session(row) for row in self._execute(query, (*after, now, *filters.values(), limit))]

    def _change(self, statement: str, parameters: tuple[str | bytes | float | None, ...]) -> None:
        if not self._writable:
            raise WriteNeededError
        self._execute(statement, parameters)


def _name(address: Address) -> tuple[str, str, str]:
    return address.space, address.id, address.schema


def _session(row: Sequence[Any]) -> tuple[Address, Record]:
    space, id, schema, *rest = row
    return Address(space, id, schema), _record(rest)


def _record(row: Sequence[Any]) -> Record:
    version, digest, owner, created, expires, idle, max_at, state, size, since = row
    return Record(version, digest, owner, created, expires, idle, max_at, _STATES[state], size, since)
