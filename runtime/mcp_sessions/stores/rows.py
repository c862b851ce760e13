"""Every operation of the store contract, once, as a plain function on rows.

A medium that offers ``Rows`` gets the whole contract from ``RowStore``: it has only to run one operation after
the other, each of them entirely or not at all. An operation refuses before it changes anything, so a refusal
leaves nothing to undo.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from mcp_sessions.errors import StoreError
from mcp_sessions.stores import jsontext
from mcp_sessions.stores.base import (
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Lifetime,
    NotLiveError,
    SessionExistsError,
    SessionInfo,
    Space,
)
from mcp_sessions.stores.records import Record, begun, claim, ended, expired, relived, schema_to_begin, slid


class Rows(Protocol):
    """Records by space and id, and values by address and key; knows nothing of what is live or whose it is."""

    def find(self, space: Space, id: str) -> Record | None:
        """Return a session's record, tombstones included."""
        ...

    def keep(self, space: Space, id: str, record: Record) -> None:
        """Put a record in place of the session's former one."""
        ...

    def forget(self, space: Space, id: str) -> None:
        """Remove a record."""
        ...

    def due(self, now: float, limit: int) -> list[tuple[Space, str, Record]]:
        """Return up to ``limit`` sessions whose records are due."""
        ...

    def get(self, address: Address, keys: Sequence[str] | None) -> dict[str, bytes]:
        """Return the values of ``keys`` (None: of all keys) that are set."""
        ...

    def names(self, address: Address) -> list[str]:
        """Return the keys that are set, sorted."""
        ...

    def put(self, address: Address, changes: Mapping[str, bytes | None]) -> None:
        """Set keys, or unset those whose value is None."""
        ...

    def drop(self, space: Space, id: str, schema: str | None = None) -> None:
        """Remove the values of one schema (None: of all schemas)."""
        ...


def create(
    rows: Rows, now: float, access: Access, lifetime: Lifetime, values: Mapping[str, bytes] | None
) -> SessionInfo:
    """See ``Store.create``."""
    address = access.address
    _require_text(address.id, *(values or ()))
    former = rows.find(address.space, address.id)
    if former is not None and now < former.forgotten:
        raise SessionExistsError("a session of that id exists, or existed a short while ago")
    record = _begin(rows, access, begun(access, lifetime, now, schema=address.schema))
    if values:
        rows.put(address, values)
    return record.info


def touch(rows: Rows, now: float, access: Access, lifetime: Lifetime | None) -> SessionInfo:
    """See ``Store.touch``."""
    record = _use(rows, now, access, _claim(rows, now, access))
    if lifetime is not None and not record.lives(lifetime):
        record = relived(record, lifetime, now)
        rows.keep(access.address.space, access.address.id, record)
    return record.info


def read(rows: Rows, now: float, access: Access, keys: Sequence[str] | None) -> dict[str, bytes]:
    """See ``Store.read``."""
    _require_text(*(keys or ()))
    claimed = _claim(rows, now, access)
    if isinstance(claimed, Lifetime):
        return {}
    _use(rows, now, access, claimed)
    return rows.get(access.address, keys)


def names(rows: Rows, now: float, access: Access) -> list[str]:
    """See ``Store.names``."""
    claimed = _claim(rows, now, access)
    if isinstance(claimed, Lifetime):
        return []
    _use(rows, now, access, claimed)
    return rows.names(access.address)


def write(
    rows: Rows,
    now: float,
    access: Access,
    changes: Mapping[str, bytes | None],
    expected: Mapping[str, bytes | None] | None,
) -> dict[str, bytes | None] | None:
    """See ``Store.write``."""
    _require_text(*changes, *(expected or ()))
    claimed = _claim(rows, now, access)
    if expected:
        actual = _held(rows, access, claimed, tuple(expected))
        if actual != expected:
            if isinstance(claimed, Record):
                _use(rows, now, access, claimed)
            return actual
    _use(rows, now, access, claimed)
    rows.put(access.address, changes)
    return None


def remove(rows: Rows, now: float, access: Access, key: str) -> bytes | None:
    """See ``Store.remove``."""
    _require_text(key)
    claimed = _claim(rows, now, access)
    if isinstance(claimed, Lifetime):
        return None
    _use(rows, now, access, claimed)
    held = rows.get(access.address, (key,)).get(key)
    if held is not None:
        rows.put(access.address, {key: None})
    return held


def clear(rows: Rows, now: float, access: Access) -> None:
    """See ``Store.clear``."""
    claimed = _claim(rows, now, access)
    if isinstance(claimed, Record):
        _use(rows, now, access, claimed)
        rows.drop(access.address.space, access.address.id, access.address.schema)


def increment(rows: Rows, now: float, access: Access, key: str, by: int | float, initial: bytes) -> bytes:
    """See ``Store.increment``."""
    _require_text(key)
    claimed = _claim(rows, now, access)
    held = _held(rows, access, claimed, (key,))[key]
    total = jsontext.added(initial if held is None else held, by)
    _use(rows, now, access, claimed)
    rows.put(access.address, {key: total})
    return total


def append(rows: Rows, now: float, access: Access, key: str, items: Sequence[bytes], initial: bytes) -> None:
    """See ``Store.append``."""
    _require_text(key)
    claimed = _claim(rows, now, access)
    held = _held(rows, access, claimed, (key,))[key]
    longer = jsontext.appended(initial if held is None else held, items)
    _use(rows, now, access, claimed)
    if items:
        rows.put(access.address, {key: longer})


def end(rows: Rows, now: float, access: Access) -> bool:
    """See ``Store.end``."""
    try:
        record = _claim(rows, now, access)
    except NotLiveError:
        return False
    if isinstance(record, Lifetime):
        return False
    space, id, schema = access.address.space, access.address.id, access.address.schema
    if record.schema == TRANSPORT_SCHEMA != schema:
        _use(rows, now, access, record)
        rows.drop(space, id, schema)
    else:
        rows.drop(space, id)
        rows.keep(space, id, ended(record, now))
    return True


def purge(rows: Rows, now: float, limit: int) -> int:
    """See ``Store.purge_expired``; sessions whose tombstone is removed were counted when they expired."""
    count = 0
    for space, id, record in rows.due(now, limit):
        if record.state == "live":
            rows.drop(space, id)
            count += 1
        if now < record.forgotten:
            rows.keep(space, id, expired(record))
        else:
            rows.forget(space, id)
    return count


def _claim(rows: Rows, now: float, access: Access) -> Record | Lifetime:
    if not _is_text(access.address.id):
        raise NotLiveError("unknown")
    return claim(rows.find(access.address.space, access.address.id), access, now)


def _use(rows: Rows, now: float, access: Access, claimed: Record | Lifetime) -> Record:
    """Slide the session, or begin it."""
    if isinstance(claimed, Lifetime):
        return _begin(rows, access, begun(access, claimed, now, schema=schema_to_begin(access)))
    used = slid(claimed, now)
    if used is not claimed:
        rows.keep(access.address.space, access.address.id, used)
    return used


def _begin(rows: Rows, access: Access, record: Record) -> Record:
    """Put a new session in the place of one that is over, of which nothing may shine through."""
    rows.drop(access.address.space, access.address.id)
    rows.keep(access.address.space, access.address.id, record)
    return record


def _held(rows: Rows, access: Access, claimed: Record | Lifetime, keys: Sequence[str]) -> dict[str, bytes | None]:
    found = rows.get(access.address, keys) if isinstance(claimed, Record) else {}
    return {key: found.get(key) for key in keys}


def _require_text(*texts: str) -> None:
    for text in texts:
        if not _is_text(text):
            raise StoreError(f"{text!r} cannot be kept: it is not Unicode text (it holds half of a surrogate pair)")


def _is_text(text: str) -> bool:
    try:
        return text.isascii() or text.encode() is not None
    except UnicodeEncodeError:
        return False
