"""What those who run a server do with sessions, as plain functions on rows.

Nobody is asked who they are, and it is no use of a session.
"""

from collections.abc import Mapping

from mcp_sessions.stores import room
from mcp_sessions.stores.medium import Rows
from mcp_sessions.stores.records import Record, require
from mcp_sessions.stores.rows import children_of, drop, find
from mcp_sessions.stores.terms import Access, Address, Listed, SchemaVersion, SessionCopy, SessionExistsError
from mcp_sessions.stores.texts import is_text, require_text


def scan(
    rows: Rows,
    now: float,
    *,
    schema: str | None,
    owner: str | None,
    limit: int,
    after: tuple[str, str, str],
) -> list[Listed]:
    """See ``Store.scan``."""
    found = rows.scan(schema, owner, now, limit, after)
    return [Listed(address, record.owner, record.info) for address, record in found]


def look_up(rows: Rows, now: float, address: Address) -> Listed | None:
    """See ``Store.look_up``."""
    record = _live(rows, now, address)
    return None if record is None else Listed(address, record.owner, record.info)


def count(rows: Rows, now: float) -> int:
    """See ``Store.count``."""
    return rows.count()


def copy_out(rows: Rows, now: float, address: Address) -> SessionCopy | None:
    """See ``Store.copy_out``."""
    record = _live(rows, now, address)
    if record is None:
        return None
    values, untils = rows.get(address, None, now), rows.untils(address)
    return SessionCopy(
        address=address,
        owner=record.owner,
        version=record.version,
        digest=record.digest,
        created=record.created,
        expires=record.expires,
        idle=record.idle,
        max_at=record.max_at,
        values=values,
        untils={key: until for key, until in untils.items() if key in values},
        since=record.since,
        taken=now,
    )


def copy_in(rows: Rows, now: float, copy: SessionCopy) -> None:
    """See ``Store.copy_in``."""
    address = copy.address
    require_text(address.id, *copy.values)
    former, _ = find(rows, now, Access(address, copy.owner))
    if former is not None and now < former.forgotten:
        raise SessionExistsError("a session of that id exists, or existed a short while ago")
    times = (copy.created, copy.expires, copy.idle, copy.max_at)
    size = room.size_of(copy.values)
    record = Record(copy.version, copy.digest, copy.owner, *times, size=size, since=copy.since)
    require(record, copy.owner, now)
    drop(rows, address, children_of(rows, address))
    rows.keep(address, record)
    rows.put(address, copy.values, copy.untils)


def migrate(
    rows: Rows,
    now: float,
    copy: SessionCopy,
    version: SchemaVersion,
    changes: Mapping[str, bytes | None],
    untils: Mapping[str, float],
) -> bool:
    """See ``Store.migrate``."""
    require_text(*changes)
    address = copy.address
    record = _live(rows, now, address)
    if record is None:
        return False
    if (record.owner, record.created, record.version) != (copy.owner, copy.created, copy.version):
        return False
    held, untils_now = rows.get(address, None, now), rows.untils(address)
    if held != copy.values or {key: until for key, until in untils_now.items() if key in held} != copy.untils:
        return False
    size = record.size + room.size_of(changes) - rows.stored(address, tuple(changes))
    migrated = record._replace(version=version.number, digest=version.digest, since=version.since, size=size)
    rows.keep(address, migrated)
    if changes:
        rows.put(address, changes, untils)
    return True


def _live(rows: Rows, now: float, address: Address) -> Record | None:
    """Return a session's record, whoever owns it, if it is live and so is its parent."""
    if not is_text(address.id):
        return None
    record, parent = rows.find_with_parent(address) if address.has_parent else (rows.find(address), None)
    if record is None or not record.is_live(now) or (address.has_parent and not (parent and parent.is_live(now))):
        return None
    return record
