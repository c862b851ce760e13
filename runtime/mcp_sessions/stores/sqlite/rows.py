"""Sessions as rows of SQLite tables: one statement for each thing that is asked of them.

What an operation is going to ask of the session that it looks for is looked up in the same statement.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from mcp_sessions.stores.medium import Ahead
from mcp_sessions.stores.records import Record, State
from mcp_sessions.stores.rows import Done, read
from mcp_sessions.stores.terms import TOMBSTONE_SECONDS, TRANSPORT_SCHEMA, Access, Address
from mcp_sessions.stores.texts import is_text, require_text

_STATES: Final[tuple[State, ...]] = ("live", "expired", "ended")

_WHERE: Final = "WHERE space = ? AND id = ? AND schema = ?"

_NAME: Final = "space, id, schema"
_COLUMNS: Final = "version, digest, owner, created, expires, idle, max_at, state, size, since"
_EXCLUDED: Final = ", ".join(f"excluded.{column}" for column in _COLUMNS.split(", "))
_VALUE: Final = """LEFT JOIN session_values AS v
    ON v.space = s.space AND v.id = s.id AND v.schema = s.schema AND v.key = ?"""
_FIND: Final = {
    (ahead, others): f"SELECT s.schema, {_COLUMNS}, {held} WHERE s.space = ? AND s.id = ? AND s.schema {which}"
    for ahead, held in {
        None: "NULL, NULL FROM sessions AS s",
        False: f"length(v.value), v.until FROM sessions AS s {_VALUE}",
        True: f"v.value, v.until FROM sessions AS s {_VALUE}",
    }.items()
    for others, which in enumerate(("= ?", "IN (?, ?)"))
}
"""By what is looked up ahead, nothing, a size or a value; and by whether the parent is, too."""

_FIND_CHILDREN: Final = f"SELECT {_NAME}, {_COLUMNS} FROM sessions WHERE space = ? AND id = ? AND schema > ?"
_KEEP: Final = f"""INSERT INTO sessions ({_NAME}, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT ({_NAME}) DO UPDATE SET ({_COLUMNS}) = ({_EXCLUDED})"""
_RESIZE: Final = f"UPDATE sessions SET size = ? {_WHERE}"
_SETTLED: Final = """{0}.owner IS ? AND {0}.state = 0 AND {0}.expires > ?
    AND ({0}.expires >= ? + {0}.idle OR {0}.expires >= {0}.max_at)"""
_READ: Final = f"""SELECT v.value, v.until FROM sessions AS s {_VALUE}
    WHERE s.space = ? AND s.id = ? AND s.schema = ? AND s.version = ? AND {_SETTLED.format("s")}"""
_READ_CHILD: Final = f"""{_READ} AND EXISTS (SELECT 1 FROM sessions AS p
    WHERE p.space = s.space AND p.id = s.id AND p.schema = '{TRANSPORT_SCHEMA}' AND {_SETTLED.format("p")})"""
_FORGET: Final = f"DELETE FROM sessions {_WHERE}"
_DUE: Final = f"""SELECT {_NAME}, {_COLUMNS} FROM sessions WHERE state = 0 AND expires <= ?
    UNION ALL SELECT {_NAME}, {_COLUMNS} FROM sessions WHERE state IN (1, 2) AND expires <= ? LIMIT ?"""

_SET_NOW: Final = f"{_WHERE} AND (until IS NULL OR until > ?)"
_ALL: Final = f"SELECT key, value FROM session_values {_SET_NOW}"
_ONE: Final = f"SELECT value FROM session_values {_SET_NOW} AND key = ?"
_UNTILS: Final = f"SELECT key, until FROM session_values {_WHERE} AND until IS NOT NULL"
_NAMES: Final = f"SELECT key FROM session_values {_SET_NOW} ORDER BY key"
_SET: Final = f"""INSERT INTO session_values ({_NAME}, key, until, value) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT ({_NAME}, key) DO UPDATE SET until = excluded.until, value = excluded.value"""
_UNSET: Final = f"DELETE FROM session_values {_WHERE} AND key = ?"
_OVER: Final = f"SELECT {_NAME}, key FROM session_values WHERE until <= ? LIMIT ?"
_STORED: Final = f"SELECT length(CAST(key AS BLOB)) + length(value) FROM session_values {_WHERE} AND key = ?"
_COUNT: Final = "SELECT live FROM session_count"
_COUNT_OF: Final = """SELECT count(*) FROM (
    SELECT 1 FROM sessions WHERE owner = ? AND state = 0 AND (space <> 'transport' OR schema = '') LIMIT ?)"""
_SCAN: Final = f"""SELECT {_NAME}, {_COLUMNS} FROM sessions
    WHERE ({_NAME}) > (?, ?, ?) AND {{state}} = 0 AND +expires > ? {{filters}} ORDER BY {_NAME} LIMIT ?"""
"""With a sign before what no index is to be chosen for: by the index of expiries, each page would sort all sessions."""
_DROP: Final = f"DELETE FROM session_values {_WHERE}"


class WriteNeededError(Exception):
    """Rows that were opened for reading alone would have to be changed."""


class _Found(NamedTuple):
    """The session that was looked up last, and what was looked up with it; good until something changes."""

    address: Address
    record: Record
    ahead: Ahead | None
    held: Any
    until: float | None

    def values(self, address: Address, keys: Sequence[str] | None, now: float) -> dict[str, bytes] | None:
        """Return what these keys are set to; None if that was not looked up."""
        if self.ahead is None or not self.ahead.value or not self._is_about(address, keys):
            return None
        is_set = self.held is not None and (self.until is None or now < self.until)
        return {self.ahead.key: self.held} if is_set else {}

    def stored(self, address: Address, keys: Sequence[str]) -> int | None:
        """Return how many bytes these keys and their values take; None if that was not looked up."""
        if self.ahead is None or not self._is_about(address, keys):
            return None
        if self.held is None:
            return 0
        return len(self.ahead.key.encode()) + (len(self.held) if self.ahead.value else int(self.held))

    def is_resized(self, address: Address, record: Record) -> bool:
        """Tell whether a record is of that session, and differs in its size alone."""
        return self.address is address and self.record._replace(size=record.size) == record

    def _is_about(self, address: Address, keys: Sequence[str] | None) -> bool:
        if keys is None or self.ahead is None or self.address is not address:
            return False
        return len(keys) == 1 and keys[0] == self.ahead.key


class _SQLiteRows:
    """Rows in a connection's current transaction."""

    def __init__(self, connection: sqlite3.Connection, writable: bool) -> None:
        self._execute = connection.execute
        self._writable = writable
        self._found: _Found | None = None

    def find(self, address: Address, ahead: Ahead | None = None) -> Record | None:
        self._found = None
        row = self._execute(*_finding(address, ahead)).fetchone()
        return None if row is None else self._note(address, ahead, row)

    def find_with_parent(self, address: Address, ahead: Ahead | None = None) -> tuple[Record | None, Record | None]:
        self._found = None
        record = parent = None
        for row in self._execute(*_finding(address, ahead, TRANSPORT_SCHEMA)).fetchall():
            if row[0] == address.schema:
                record = self._note(address, ahead, row)
            if row[0] == TRANSPORT_SCHEMA:
                parent = _record(row)
        return record, parent

    def children(self, address: Address) -> list[tuple[Address, Record]]:
        return [_session(row) for row in self._execute(_FIND_CHILDREN, _name(address)).fetchall()]

    def keep(self, address: Address, record: Record) -> None:
        if self._found is not None and self._found.is_resized(address, record):
            self._change(_RESIZE, (record.size, *_name(address)))  # no index has to be written for that
            return
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
        if self._found is not None and (known := self._found.values(address, keys, now)) is not None:
            return known
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
                self._change(_SET, (*where, key, untils.get(key), value))

    def drop(self, address: Address) -> None:
        self._change(_DROP, _name(address))

    def over(self, now: float, limit: int) -> list[tuple[Address, str]]:
        found = self._execute(_OVER, (now, limit)).fetchall()
        return [(Address(space, id, schema), key) for space, id, schema, key in found]

    def stored(self, address: Address, keys: Sequence[str]) -> int:
        if self._found is not None and (known := self._found.stored(address, keys)) is not None:
            return known
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
        state = "+state" if owner is None else "state"  # the index of owners has the live ones only
        query = _SCAN.format(state=state, filters=" ".join(f"AND {name} = ?" for name in filters))
        return [_session(row) for row in self._execute(query, (*after, now, *filters.values(), limit))]

    def _change(self, statement: str, parameters: tuple[str | bytes | float | None, ...]) -> None:
        if not self._writable:
            raise WriteNeededError
        self._found = None
        self._execute(statement, parameters)

    def _note(self, address: Address, ahead: Ahead | None, row: Sequence[Any]) -> Record:
        record = _record(row)
        self._found = _Found(address, record, ahead, row[-2], row[-1])
        return record


class SQLiteRows(_SQLiteRows):
    """Rows in a connection's current transaction, or of single statements where there is none.

    Args:
        connection: The connection.
        writable: Whether they may change; they raise ``WriteNeededError`` instead if not.
    """

    def settled(self, access: Access, key: str, now: float) -> tuple[bytes | None, float | None] | None:
        """Return what a key holds, and until when, if the session is settled in the sense of ``records.is_settled``.

        So has its parent to be, and its version the caller's. None where the rules have to decide.
        """
        address = access.address
        settled = (access.owner, now, now)
        about = (key, *_name(address), access.version, *settled)
        if address.has_parent:
            found = self._execute(_READ_CHILD, about + settled).fetchone()
        else:
            found = self._execute(_READ, about).fetchone()
        return cast(tuple[bytes | None, float | None] | None, found)


def read_one(table: SQLiteRows, now: float, access: Access, key: str) -> Done[dict[str, bytes]]:
    """Read one key, by one statement if the session is settled; see ``rows.read``."""
    require_text(key)
    found = table.settled(access, key, now) if is_text(access.address.id) else None
    if found is None:
        return read(table, now, access, (key,))
    value, until = found
    if value is None or (until is not None and until <= now):
        return Done({}, None, True)
    return Done({key: value}, None, True)


def _finding(address: Address, ahead: Ahead | None, *others: str) -> tuple[str, tuple[str, ...]]:
    """Return the statement that looks up a session, and others of its id, and what to fill into it."""
    name = (address.space, address.id, address.schema, *others)
    if ahead is None:
        return _FIND[None, len(others)], name
    return _FIND[ahead.value, len(others)], (ahead.key, *name)


def _name(address: Address) -> tuple[str, str, str]:
    return address.space, address.id, address.schema


def _session(row: Sequence[Any]) -> tuple[Address, Record]:
    space, id, *rest = row
    return Address(space, id, rest[0]), _record(rest)


def _record(row: Sequence[Any]) -> Record:
    """Return what a row has from its second column on."""
    _, version, digest, owner, created, expires, idle, max_at, state, size, since, *_ = row
    return Record(version, digest, owner, created, expires, idle, max_at, _STATES[state], size, since)
