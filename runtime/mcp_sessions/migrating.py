"""How a session that is of another version is brought to the one that is served here, when it is used.

Once and at once: whoever comes first writes all values and the version together, if the session is still as it was.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from mcp_sessions.errors import SessionMigrationError, SessionVersionError
from mcp_sessions.ids import masked
from mcp_sessions.migrations import Held, migrated
from mcp_sessions.schema import SessionSchema
from mcp_sessions.stores.base import Address, SchemaVersion, SessionCopy, Store

Outcome: TypeAlias = Literal["migrated", "current", "beaten", "gone"]
"""What came of a migration: it is done; the session gets along as it is; others changed it meanwhile; it is over."""


async def bring_up(store: Store, schema: SessionSchema, address: Address, *, write: bool = True) -> Outcome:
    """Migrate a live session, whoever owns it, to the version of a schema; ``write=False`` only tries.

    Raises:
        SessionVersionError: If it is of a newer version, which does not get along with this one.
        SessionMigrationError: If a migration fails. The session is left as it is.
    """
    copy = await store.copy_out(address)
    if copy is None:
        return "gone"
    if copy.version > schema.version:
        if copy.since <= schema.version:
            return "current"
        raise newer(schema, copy.version, address)
    if copy.version >= schema.reads_since:
        return "current"
    changes, untils = _changes(schema, copy)
    if not write:
        return "migrated"
    version = SchemaVersion(schema.version, schema.digest, schema.compatible_since)
    return "migrated" if await store.migrate(copy, version, changes, untils) else "beaten"


def newer(schema: SessionSchema, version: int, address: Address) -> SessionVersionError:
    """Return the error for a session of a version that came later than the one that is served here."""
    return SessionVersionError(
        f"{schema.name} of {masked(address.id)} has data of version {version}, and this server has version "
        f"{schema.version} of the schema. Nothing is lost: a server with version {version} can use it."
    )


def _changes(schema: SessionSchema, copy: SessionCopy) -> tuple[dict[str, bytes | None], dict[str, float]]:
    before: dict[str, Held] = {name: (raw, copy.untils.get(name)) for name, raw in copy.values.items()}
    try:
        after = migrated(schema, copy.version, before)
    except SessionMigrationError as error:
        raise SessionMigrationError(f"{error}; {masked(copy.address.id)} was left as it is") from error.__cause__
    changed = {name: held for name, held in after.items() if before.get(name) != held}
    changes: dict[str, bytes | None] = dict.fromkeys(before.keys() - after.keys())
    changes.update((name, raw) for name, (raw, _) in changed.items())
    return changes, _untils(schema, changed, copy.taken)


def _untils(schema: SessionSchema, changed: Mapping[str, Held], taken: float) -> dict[str, float]:
    """Return until when values are ones: as before, else for as long as their keys say."""
    ttls = {key.name: key.ttl for key in schema.keys if key.ttl is not None}
    found = {name: until for name, (_, until) in changed.items() if until is not None}
    return {name: taken + ttl for name, ttl in ttls.items() if name in changed} | found
