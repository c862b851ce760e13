"""Every operation of the store contract for callers, once, as a plain function on rows; see also ``operators``.

A medium that offers ``Rows`` gets the whole contract from ``RowStore``: it has only to run one operation after
the other, each of them entirely or not at all. An operation refuses before it changes anything, so a refusal
leaves nothing to undo.
"""

from collections.abc import Mapping, Sequence
from typing import Generic, Literal, NamedTuple, TypeVar

from mcp_sessions.stores import jsontext, room
from mcp_sessions.stores.medium import Ahead, Rows
from mcp_sessions.stores.records import (
    Record,
    begun,
    claim,
    ended,
    expired,
    has_expired,
    relived,
    require,
    require_version,
    slid,
)
from mcp_sessions.stores.terms import (
    Access,
    Address,
    Lifetime,
    NotLiveError,
    Remains,
    SessionExistsError,
    SessionInfo,
)
from mcp_sessions.stores.texts import is_text, require_text

T = TypeVar("T")


class Done(NamedTuple, Generic[T]):
    """What came of an operation on a session that may begin: its result, and whether there is a session now.

    Attributes:
        began: What is to be known of the session if the operation began it.
        found: Whether it was there.
    """

    result: T
    began: SessionInfo | None = None
    found: bool = False


class _Claim(NamedTuple):
    """What a caller may use: a live session, or one that may begin with some lifetime; its parent, if any, is live."""

    session: Record | Lifetime
    parent: Record | None


class _Opened(NamedTuple):
    record: Record
    is_new: bool

    def done(self, result: T) -> Done[T]:
        """Return what came of an operation that has opened it."""
        return Done(result, self.record.info if self.is_new else None, not self.is_new)


def create(
    rows: Rows,
    now: float,
    access: Access,
    lifetime: Lifetime,
    values: Mapping[str, bytes],
    ttls: Mapping[str, float],
) -> SessionInfo:
    """See ``Store.create``."""
    require_text(access.address.id, *values)
    former, parent = find(rows, now, access)
    if former is not None and now < former.forgotten:
        raise SessionExistsError("a session of that id exists, or existed a short while ago")
    return _write(rows, now, access, _Claim(lifetime, parent), values, ttls).record.info


def touch(rows: Rows, now: float, access: Access, lifetime: Lifetime | None) -> Done[SessionInfo]:
    """See ``Store.touch``."""
    opened = _open(rows, now, access, _claim(rows, now, access))
    record = opened.record
    if lifetime is not None and not record.has(lifetime):
        record = relived(record, lifetime, now)
        rows.keep(access.address, record)
    return _Opened(record, opened.is_new).done(record.info)


def read(rows: Rows, now: float, access: Access, keys: Sequence[str] | None) -> Done[dict[str, bytes]]:
    """See ``Store.read``."""
    require_text(*(keys or ()))
    ahead = Ahead(keys[0]) if keys is not None and len(keys) == 1 else None
    found = _use(rows, now, access, _claim_values(rows, now, access, ahead))
    return Done(rows.get(access.address, keys, now) if found else {}, found=found)


def names(rows: Rows, now: float, access: Access) -> Done[list[str]]:
    """See ``Store.names``."""
    found = _use(rows, now, access, _claim_values(rows, now, access))
    return Done(rows.names(access.address, now) if found else [], found=found)


def write(
    rows: Rows,
    now: float,
    access: Access,
    changes: Mapping[str, bytes | None],
    expected: Mapping[str, bytes | None] | None,
    ttls: Mapping[str, float],
) -> Done[dict[str, bytes | None] | None]:
    """See ``Store.write``."""
    require_text(*changes, *(expected or ()))
    ahead = Ahead(next(iter(changes)), bool(expected)) if len(changes) == 1 else None
    claimed = _claim_values(rows, now, access, ahead)
    if expected:
        actual = _held(rows, now, access, claimed, tuple(expected))
        if actual != expected:
            return Done(actual, found=_use(rows, now, access, claimed))
    return _write(rows, now, access, claimed, changes, ttls).done(None)


def remove(rows: Rows, now: float, access: Access, key: str) -> Done[bytes | None]:
    """See ``Store.remove``."""
    require_text(key)
    claimed = _claim_values(rows, now, access, Ahead(key))
    held = _held(rows, now, access, claimed, (key,))[key]
    if held is None:
        return Done(None, found=_use(rows, now, access, claimed))
    return _write(rows, now, access, claimed, {key: None}, {}).done(held)


def clear(rows: Rows, now: float, access: Access) -> Done[None]:
    """See ``Store.clear``."""
    claimed = _claim_values(rows, now, access)
    if isinstance(claimed.session, Lifetime):
        return Done(None, found=_use(rows, now, access, claimed))
    opened = _open(rows, now, access, claimed, size=0)
    rows.drop(access.address)
    return opened.done(None)


def increment(
    rows: Rows, now: float, access: Access, key: str, by: int | float, initial: bytes, ttl: float | None
) -> Done[bytes]:
    """See ``Store.increment``."""
    require_text(key)
    claimed = _claim_values(rows, now, access, Ahead(key))
    held = _held(rows, now, access, claimed, (key,))[key]
    total = jsontext.added(initial if held is None else held, by)
    return _write(rows, now, access, claimed, {key: total}, {key: ttl}).done(total)


def append(
    rows: Rows, now: float, access: Access, key: str, items: Sequence[bytes], initial: bytes, ttl: float | None
) -> Done[None]:
    """See ``Store.append``."""
    require_text(key)
    claimed = _claim_values(rows, now, access, Ahead(key))
    held = _held(rows, now, access, claimed, (key,))[key]
    longer = jsontext.appended(initial if held is None else held, items)
    changes = {key: longer} if items else {}
    return _write(rows, now, access, claimed, changes, {key: ttl}).done(None)


def end(rows: Rows, now: float, access: Access, *, values: bool, expired: bool) -> list[Remains]:
    """See ``Store.end``."""
    try:
        claimed = _claim_expired(rows, now, access) if expired else _claim(rows, now, access)
    except NotLiveError:
        return []
    if isinstance(claimed.session, Lifetime):
        return []
    _use_parent(rows, now, access, claimed)
    remains = _empty(rows, now, access.address, claimed.session, "expired" if expired else "ended", values)
    rows.keep(access.address, ended(claimed.session, now))
    return remains


def purge(rows: Rows, now: float, limit: int, *, values: bool = False) -> tuple[list[Remains], bool]:
    """See ``Store.purge_expired``; return, besides what that returns, whether there may be more to remove."""
    due = rows.due(now, limit)
    gone: list[Remains] = []
    for address, record in sorted(due, key=lambda session: session[0].is_parent):  # so that no child is kept after it
        if record.state == "live":
            gone += _empty(rows, now, address, record, "expired", values)
        if now < record.forgotten:
            rows.keep(address, expired(record))
        else:
            rows.forget(address)
    over = rows.over(now, limit - len(due))
    for address, key in over:
        _prune(rows, address, key)
    return gone, len(due) + len(over) == limit


def find(rows: Rows, now: float, access: Access, ahead: Ahead | None = None) -> tuple[Record | None, Record | None]:
    """Return the session's record, and its parent's, which must be live."""
    if not access.address.has_parent:
        return rows.find(access.address, ahead), None
    record, parent = rows.find_with_parent(access.address, ahead)
    return record, require(parent, access.owner, now)


def children_of(rows: Rows, address: Address) -> list[tuple[Address, Record]]:
    """Return a session's children, tombstones included; only parents have some."""
    return rows.children(address) if address.is_parent else []


def drop(rows: Rows, address: Address, children: list[tuple[Address, Record]]) -> None:
    """Remove a session's values, and its children."""
    rows.drop(address)
    for child, _ in children:
        rows.drop(child)
        rows.forget(child)


def _claim(rows: Rows, now: float, access: Access, ahead: Ahead | None = None) -> _Claim:
    if not is_text(access.address.id):
        raise NotLiveError("unknown")
    record, parent = find(rows, now, access, ahead)
    return _Claim(claim(record, access, now), parent)


def _claim_values(rows: Rows, now: float, access: Access, ahead: Ahead | None = None) -> _Claim:
    """Return what a caller may use the values of: their version has to get along with the caller's."""
    claimed = _claim(rows, now, access, ahead)
    if isinstance(claimed.session, Record):
        require_version(claimed.session, access)
    return claimed


def _claim_expired(rows: Rows, now: float, access: Access) -> _Claim:
    if not is_text(access.address.id):
        raise NotLiveError("unknown")
    record, parent = find(rows, now, access)
    if record is None or not has_expired(record, access.owner, now):
        raise NotLiveError("unknown")
    return _Claim(record, parent)


def _use(rows: Rows, now: float, access: Access, claimed: _Claim) -> bool:
    """Slide the session, if it is there, and its parent; tell whether it is there."""
    _use_parent(rows, now, access, claimed)
    if isinstance(claimed.session, Lifetime):
        return False
    _slide(rows, now, access.address, claimed.session)
    return True


def _write(
    rows: Rows,
    now: float,
    access: Access,
    claimed: _Claim,
    changes: Mapping[str, bytes | None],
    ttls: Mapping[str, float | None],
) -> _Opened:
    """Slide the session, or begin it, and change its values."""
    held = claimed.session.size if isinstance(claimed.session, Record) else None
    opened = _open(rows, now, access, claimed, size=room.size_after(rows, access, held, changes))
    if changes:
        rows.put(access.address, changes, {key: now + ttl for key, ttl in ttls.items() if ttl is not None})
    return opened


def _open(rows: Rows, now: float, access: Access, claimed: _Claim, *, size: int | None = None) -> _Opened:
    """Slide the session, or begin it, and slide its parent; ``size`` is what it has from now on."""
    former = claimed.session
    is_new = isinstance(former, Lifetime)
    if isinstance(former, Lifetime):
        room.require_for_session(rows, access)
        record = begun(access, former, now)
    else:
        record = slid(former, now)
    if size is not None and size != record.size:
        record = record._replace(size=size)
    _use_parent(rows, now, access, claimed)
    if is_new:
        # Of a session that is over, nothing may shine through.
        drop(rows, access.address, children_of(rows, access.address))
    if record is not former:
        rows.keep(access.address, record)
    return _Opened(record, is_new)


def _use_parent(rows: Rows, now: float, access: Access, claimed: _Claim) -> None:
    if claimed.parent is not None:
        _slide(rows, now, access.address.parent, claimed.parent)


def _slide(rows: Rows, now: float, address: Address, record: Record) -> None:
    used = slid(record, now)
    if used is not record:
        rows.keep(address, used)


def _empty(
    rows: Rows, now: float, address: Address, record: Record, reason: Literal["expired", "ended"], values: bool
) -> list[Remains]:
    """Remove what a session holds, and all of its children; return what remains of those that were not over yet."""
    children = children_of(rows, address)
    remains = []
    for member, known in [(address, record), *children]:
        if known.state == "live":
            held = rows.get(member, None, min(now, known.expires)) if values else {}
            how = reason if known.is_live(now) else "expired"
            remains.append(Remains(member, known.owner, how, held, known.version, known.since))
    drop(rows, address, children)
    return remains


def _prune(rows: Rows, address: Address, key: str) -> None:
    """Remove a value whose time is over."""
    record = rows.find(address)
    if record is not None:
        rows.keep(address, record._replace(size=record.size - rows.stored(address, (key,))))
    rows.put(address, {key: None}, {})


def _held(rows: Rows, now: float, access: Access, claimed: _Claim, keys: Sequence[str]) -> dict[str, bytes | None]:
    found = rows.get(access.address, keys, now) if isinstance(claimed.session, Record) else {}
    return {key: found.get(key) for key in keys}
