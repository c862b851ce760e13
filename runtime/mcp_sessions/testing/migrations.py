"""For tests of migrations: what becomes of sessions of an older version, without a store or a server."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

from pydantic import BaseModel
from pydantic_core import to_json

from mcp_sessions import migrations
from mcp_sessions.ids import mint_handle
from mcp_sessions.migrations import Held
from mcp_sessions.session import Session
from mcp_sessions.stores.base import SessionCopy
from mcp_sessions.stores.memory import MemoryStore
from mcp_sessions.stores.transfer import read_export

StateT = TypeVar("StateT", bound=BaseModel)


def recorded(path: str | os.PathLike[str], accessor: type[Session[Any, Any]]) -> list[SessionCopy]:
    """Return the sessions of an accessor's schema in a file of ``export_sessions``.

    Raises:
        mcp_sessions.StoreError: If it is none.
    """
    with Path(path).open(encoding="utf-8") as lines:
        return [copy for copy in read_export(lines) if copy.address.schema == accessor.schema.name]


@overload
def migrated(accessor: type[Session[StateT, Any]], before: SessionCopy) -> StateT: ...
@overload
def migrated(accessor: type[Session[StateT, Any]], before: Mapping[str, object], *, version: int) -> StateT: ...
def migrated(
    accessor: type[Session[StateT, Any]], before: SessionCopy | Mapping[str, object], *, version: int | None = None
) -> StateT:
    """Return what a session of an older version holds after its migration, as ``snapshot()`` gives it.

    Args:
        accessor: The generated class, as it is now.
        before: A session that was recorded, or what one held: values as JSON has them, by the names of keys then.
        version: The version that they are of; a recorded session tells its own.

    Raises:
        SessionMigrationError: If a migration fails, or what it gives does not fit.
    """
    held: dict[str, Held]
    if isinstance(before, SessionCopy):
        version = before.version
        held = {key: (raw, before.untils.get(key)) for key, raw in before.values.items()}
    else:
        held = {key: (to_json(value), None) for key, value in before.items()}
    if version is None:
        raise TypeError("migrated() needs the version that the values are of")
    if not 1 <= version <= accessor.schema.version:
        raise ValueError(f"{accessor.schema.name} has versions from 1 to {accessor.schema.version}; got {version}")
    after = migrations.migrated(accessor.schema, version, held)
    session = accessor.open(MemoryStore(), mint_handle(accessor.schema.name))
    return session._state_of({key: raw for key, (raw, _) in after.items()})
