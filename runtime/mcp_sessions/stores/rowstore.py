"""The store contract's asynchronous face for any medium of rows."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias, TypeVar

from mcp_sessions.errors import StoreError
from mcp_sessions.stores import cursors, operators, rows
from mcp_sessions.stores.medium import Rows
from mcp_sessions.stores.terms import (
    Access,
    Address,
    Lifetime,
    Listed,
    Page,
    Remains,
    SchemaVersion,
    SessionCopy,
    SessionInfo,
)

Result = TypeVar("Result")

Operation: TypeAlias = Callable[[Rows, float], Result]
"""One operation with its arguments filled in: it takes the rows and the time."""

_PURGE: Final = 32
"""How many sessions are removed at once: meanwhile, everybody else waits."""


class RowStore(ABC):
    """A ``Store`` that performs the operations of ``rows`` and ``operators``; a subclass says where and how."""

    @abstractmethod
    async def _perform(self, operation: Operation[Result], *, writes: bool = True) -> Result:
        """Perform an operation entirely or not at all; if not ``writes``, it most likely only reads."""

    @abstractmethod
    async def aclose(self) -> None:
        """See ``Store.aclose``."""

    async def create(
        self,
        access: Access,
        lifetime: Lifetime,
        values: Mapping[str, bytes] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> SessionInfo:
        """See ``Store.create``."""
        given = dict(values or {})
        return await self._perform(
            partial(rows.create, access=access, lifetime=lifetime, values=given, ttls=dict(ttls or {}))
        )

    async def touch(self, access: Access, lifetime: Lifetime | None = None) -> SessionInfo:
        """See ``Store.touch``."""
        operation = partial(rows.touch, access=access, lifetime=lifetime)
        return told(access, await self._perform(operation, writes=False))

    async def read(self, access: Access, keys: Sequence[str] | None = None) -> dict[str, bytes]:
        """See ``Store.read``."""
        wanted = None if keys is None else tuple(keys)
        return told(access, await self._perform(partial(rows.read, access=access, keys=wanted), writes=False))

    async def names(self, access: Access) -> list[str]:
        """See ``Store.names``."""
        return told(access, await self._perform(partial(rows.names, access=access), writes=False))

    async def write(
        self,
        access: Access,
        changes: Mapping[str, bytes | None],
        expected: Mapping[str, bytes | None] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> dict[str, bytes | None] | None:
        """See ``Store.write``."""
        wanted = None if expected is None else dict(expected)
        return told(
            access,
            await self._perform(
                partial(rows.write, access=access, changes=dict(changes), expected=wanted, ttls=dict(ttls or {}))
            ),
        )

    async def remove(self, access: Access, key: str) -> bytes | None:
        """See ``Store.remove``."""
        return told(access, await self._perform(partial(rows.remove, access=access, key=key)))

    async def clear(self, access: Access) -> None:
        """See ``Store.clear``."""
        told(access, await self._perform(partial(rows.clear, access=access)))

    async def increment(
        self, access: Access, key: str, by: int | float, initial: bytes, ttl: float | None = None
    ) -> bytes:
        """See ``Store.increment``."""
        operation = partial(rows.increment, access=access, key=key, by=by, initial=initial, ttl=ttl)
        return told(access, await self._perform(operation))

    async def append(
        self, access: Access, key: str, items: Sequence[bytes], initial: bytes, ttl: float | None = None
    ) -> None:
        """See ``Store.append``."""
        operation = partial(rows.append, access=access, key=key, items=tuple(items), initial=initial, ttl=ttl)
        told(access, await self._perform(operation))

    async def end(self, access: Access, *, values: bool = False, expired: bool = False) -> list[Remains]:
        """See ``Store.end``."""
        return await self._perform(partial(rows.end, access=access, values=values, expired=expired))

    async def purge_expired(self, limit: int = 1000, *, values: bool = False) -> list[Remains]:
        """See ``Store.purge_expired``."""
        gone: list[Remains] = []
        is_more = True
        while is_more and limit > 0:
            step = min(limit, _PURGE)
            try:
                some, is_more = await self._perform(partial(rows.purge, limit=step, values=values), writes=False)
            except StoreError:
                if not gone:
                    raise
                break  # what is gone already has to be told
            gone += some
            limit -= step
        return gone

    async def scan(
        self, *, schema: str | None = None, owner: str | None = None, limit: int = 100, cursor: str = ""
    ) -> Page:
        """See ``Store.scan``."""
        cursors.require_limit(limit)
        after = cursors.name_of(cursor)
        operation = partial(operators.scan, schema=schema, owner=owner, limit=limit + 1, after=after)
        found = await self._perform(operation, writes=False)
        shown = tuple(found[:limit])
        return Page(shown, cursors.cursor_of(shown[-1].address) if len(found) > limit else "")

    async def look_up(self, address: Address) -> Listed | None:
        """See ``Store.look_up``."""
        return await self._perform(partial(operators.look_up, address=address), writes=False)

    async def count(self) -> int:
        """See ``Store.count``."""
        return await self._perform(operators.count, writes=False)

    async def copy_out(self, address: Address) -> SessionCopy | None:
        """See ``Store.copy_out``."""
        return await self._perform(partial(operators.copy_out, address=address), writes=False)

    async def copy_in(self, copy: SessionCopy) -> None:
        """See ``Store.copy_in``."""
        await self._perform(partial(operators.copy_in, copy=copy))

    async def migrate(
        self,
        copy: SessionCopy,
        version: SchemaVersion,
        changes: Mapping[str, bytes | None],
        untils: Mapping[str, float],
    ) -> bool:
        """See ``Store.migrate``."""
        was = replace(copy, values=dict(copy.values))
        return await self._perform(
            partial(operators.migrate, copy=was, version=version, changes=dict(changes), untils=dict(untils))
        )


def told(access: Access, done: rows.Done[Result]) -> Result:
    """Return the result of an operation, after telling whoever wants to know that it began or found the session."""
    if done.began is not None and access.began is not None:
        access.began(done.began)
    if done.found and access.found is not None:
        access.found()
    return done.result
