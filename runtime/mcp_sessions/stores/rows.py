"""Every operation of the store contract, once, as a plain function on rows.

A medium that offers ``Rows`` gets the whole contract from ``RowStore``: it has only to run one operation after
the other, each of them entirely or not at all. An operation refuses before it changes anything, so a refusal
leaves nothing to undo.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mcp_sessions.errors import StoreError
from mcp_sessions.stores import jsontext
from mcp_sessions.stores.base import Access, Address, Lifetime, NotLiveError, SessionExistsError, SessionInfo
from mcp_sessions.stores.records import Record, begun, claim, ended, expired, relived, require, slid


class Rows(Protocol):
    """Records by address, and values by address and key; knows nothing of what is live or whose it is."""

    def find(self, address: Address) -> Record | None:
        """Return a session's record, tombstones included."""
        ...

    def find_with_parent(self, address: Address) -> tuple[Record | None, Record | None]:
        """Return the record of a session that has a parent, and the parent's record, tombstones included."""
        ...

    def children(self, address: Address) -> list[tuple[Address, Record]]:
        """Return all children of a parent, tombstones included."""
        ...

    def keep(self, address: Address, record: Record) -> None:
        """Put a record in place of the session's former one."""
        ...

    def forget(self, address: Address) -> None:
        """Remove a record."""
        ...

    def due(self, now: float, limit: int) -> list[tuple[Address, Record]]:
        """Return up to ``limit`` sessions whose records are due."""
        ...

    def get(self, address: Address, keys: Sequence[str] | None, now: float) -> dict[str, bytes]:
        """Return the values of ``keys`` (None: of all keys) that are set."""
        ...

    def names(self, address: Address, now: float) -> list[str]:
        """Return the keys that are set, sorted."""
        ...

    def put(self, address: Address, changes: Mapping[str, bytes | None], untils: Mapping[str, float]) -> None:
        """Set keys, or unset those whose value is None; a key in ``untils`` is set only until that time."""
        ...

    def prune(self, now: float, limit: int) -> int:
        """Remove up to ``limit`` values whose time is over, of any session, and return how many there were."""
        ...

    def drop(self, address: Address) -> None:
        """Remove a session's values."""
        ...


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a caller may use: a live session, or one that may begin with some lifetime; its parent, if any, is live."""

    session: Record | Lifetime
    parent: Record | None


def create(
    rows: Rows,
    now: float,
    access: Access,
    lifetime: Lifetime,
    values: Mapping[str, bytes],
    ttls: Mapping[str, float],
) -> SessionInfo:
    """See ``Store.create``."""
    address = access.address
    _require_text(address.id, *values)
    former, parent = _find(rows, now, access)
    if former is not None and now < former.forgotten:
        raise SessionExistsError("a session of that id exists, or existed a short while ago")
    record = _open(rows, now, access, _Claim(lifetime, parent))
    if values:
        rows.put(address, values, _untils(now, ttls))
    return record.info


def touch(rows: Rows, now: float, access: Access, lifetime: Lifetime | None) -> SessionInfo:
    """See ``Store.touch``."""
    record = _open(rows, now, access, _claim(rows, now, access))
    if lifetime is not None and not record.has(lifetime):
        record = relived(record, lifetime, now)
        rows.keep(access.address, record)
    return record.info


def read(rows: Rows, now: float, access: Access, keys: Sequence[str] | None) -> dict[str, bytes]:
    """See ``Store.read``."""
    _require_text(*(keys or ()))
    return rows.get(access.address, keys, now) if _use(rows, now, access, _claim(rows, now, access)) else {}


def names(rows: Rows, now: float, access: Access) -> list[str]:
    """See ``Store.names``."""
    return rows.names(access.address, now) if _use(rows, now, access, _claim(rows, now, access)) else []


def write(
    rows: Rows,
    now: float,
    access: Access,
    changes: Mapping[str, bytes | None],
    expected: Mapping[str, bytes | None] | None,
    ttls: Mapping[str, float],
) -> dict[str, bytes | None] | None:
    """See ``Store.write``."""
    _require_text(*changes, *(expected or ()))
    claimed = _claim(rows, now, access)
    if expected:
        actual = _held(rows, now, access, claimed, tuple(expected))
        if actual != expected:
            _use(rows, now, access, claimed)
            return actual
    _open(rows, now, access, claimed)
    rows.put(access.address, changes, _untils(now, ttls))
    return None


def remove(rows: Rows, now: float, access: Access, key: str) -> bytes | None:
    """See ``Store.remove``."""
    _require_text(key)
    claimed = _claim(rows, now, access)
    held = _held(rows, now, access, claimed, (key,))[key]
    _use(rows, now, access, claimed)
    if held is not None:
        rows.put(access.address, {key: None}, {})
    return held


def clear(rows: Rows, now: float, access: Access) -> None:
    """See ``Store.clear``."""
    if _use(rows, now, access, _claim(rows, now, access)):
        rows.drop(access.address)


def increment(
    rows: Rows, now: float, access: Access, key: str, by: int | float, initial: bytes, ttl: float | None
) -> bytes:
    """See ``Store.increment``."""
    _require_text(key)
    claimed = _claim(rows, now, access)
    held = _held(rows, now, access, claimed, (key,))[key]
    total = jsontext.added(initial if held is None else held, by)
    _open(rows, now, access, claimed)
    rows.put(access.address, {key: total}, _untils(now, {key: ttl}))
    return total


def append(
    rows: Rows, now: float, access: Access, key: str, items: Sequence[bytes], initial: bytes, ttl: float | None
) -> None:
    """See ``Store.append``."""
    _require_text(key)
    claimed = _claim(rows, now, access)
    held = _held(rows, now, access, claimed, (key,))[key]
    longer = jsontext.appended(initial if held is None else held, items)
    _open(rows, now, access, claimed)
    if items:
        rows.put(access.address, {key: longer}, _untils(now, {key: ttl}))


def end(rows: Rows, now: float, access: Access) -> bool:
    """See ``Store.end``."""
    try:
        claimed = _claim(rows, now, access)
    except NotLiveError:
        return False
    if isinstance(claimed.session, Lifetime):
        return False
    _use_parent(rows, now, access, claimed)
    _empty(rows, access.address)
    rows.keep(access.address, ended(claimed.session, now))
    return True


def purge(rows: Rows, now: float, limit: int) -> tuple[list[Address], bool]:
    """See ``Store.purge_expired``; return, besides what that returns, whether there may be more to remove."""
    due = rows.due(now, limit)
    gone: list[Address] = []
    for address, record in sorted(due, key=lambda session: session[0].is_parent):  # so that no child is kept after it
        if record.state == "live":
            gone += [address, *_empty(rows, address)]
        if now < record.forgotten:
            rows.keep(address, expired(record))
        else:
            rows.forget(address)
    pruned = rows.prune(now, limit - len(due))
    return gone, len(due) + pruned == limit


def _find(rows: Rows, now: float, access: Access) -> tuple[Record | None, Record | None]:
    """Return the session's record, and its parent's, which must be live."""
    if not access.address.has_parent:
        return rows.find(access.address), None
    record, parent = rows.find_with_parent(access.address)
    return record, require(parent, access.owner, now)


def _claim(rows: Rows, now: float, access: Access) -> _Claim:
    if not _is_text(access.address.id):
        raise NotLiveError("unknown")
    record, parent = _find(rows, now, access)
    return _Claim(claim(record, access, now), parent)


def _use(rows: Rows, now: float, access: Access, claimed: _Claim) -> bool:
    """Slide the session, if it is there, and its parent; tell whether it is there."""
    _use_parent(rows, now, access, claimed)
    if isinstance(claimed.session, Lifetime):
        return False
    _slide(rows, now, access.address, claimed.session)
    return True


def _open(rows: Rows, now: float, access: Access, claimed: _Claim) -> Record:
    """Slide the session, or begin it, and slide its parent."""
    _use_parent(rows, now, access, claimed)
    if isinstance(claimed.session, Record):
        return _slide(rows, now, access.address, claimed.session)
    record = begun(access, claimed.session, now)
    _empty(rows, access.address)  # of a session that is over, nothing may shine through
    rows.keep(access.address, record)
    return record


def _use_parent(rows: Rows, now: float, access: Access, claimed: _Claim) -> None:
    if claimed.parent is not None:
        _slide(rows, now, access.address.parent, claimed.parent)


def _slide(rows: Rows, now: float, address: Address, record: Record) -> Record:
    used = slid(record, now)
    if used is not record:
        rows.keep(address, used)
    return used


def _empty(rows: Rows, address: Address) -> list[Address]:
    """Remove a session's values, and all of its children; return the children that were not tombstones."""
    rows.drop(address)
    children = rows.children(address) if address.is_parent else []
    for child, _ in children:
        rows.drop(child)
        rows.forget(child)
    return [child for child, record in children if record.state == "live"]


def _untils(now: float, ttls: Mapping[str, float | None]) -> dict[str, float]:
    return {key: now + ttl for key, ttl in ttls.items() if ttl is not None}


def _held(rows: Rows, now: float, access: Access, claimed: _Claim, keys: Sequence[str]) -> dict[str, bytes | None]:
    found = rows.get(access.address, keys, now) if isinstance(claimed.session, Record) else {}
    return {key: found.get(key) for key in keys}


def _require_text(*texts: str) -> None:
    for text in texts:
        if not _is_text(text):
            raise StoreError(f"{text!r} cannot be kept: it is not Unicode text (it holds half of a surrogate pair)")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
