"""What a server does when sessions begin and end: its hooks, each called once among all workers.

A hook of an end gets an accessor of what the session held at last, so that it can close what the session had open.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Literal, TypeAlias, TypeVar

from mcp_sessions.base_session import BaseSession
from mcp_sessions.context import Call, Caller, EndReason, end_session
from mcp_sessions.errors import StoreError
from mcp_sessions.ids import masked
from mcp_sessions.stores.base import GRACE_SECONDS, Access, Address, Lifetime, Remains, Store
from mcp_sessions.stores.memory import MemoryStore

SessionT = TypeVar("SessionT", bound=BaseSession)

StartHook: TypeAlias = Callable[[SessionT], Awaitable[None]]
EndHook: TypeAlias = Callable[[SessionT, EndReason], Awaitable[None]]

_log: Final = logging.getLogger("mcp_sessions")

SWEEP_SECONDS: Final = GRACE_SECONDS / 4
"""How often a server looks for sessions that have expired, if it has hooks for their end."""

_READABLE: Final = Lifetime(24 * 3600.0)
"""How long a hook may take to read what a session held."""


class Lifecycle:
    """The hooks of one server, and what ends sessions besides their owners.

    Args:
        store: Where its sessions are.
        schemas: Its accessor classes.
    """

    def __init__(self, store: Store, schemas: Sequence[type[BaseSession]]) -> None:
        self._store = store
        self._accessors = {accessor.schema.name: accessor for accessor in schemas}
        self._starts: dict[str, list[StartHook[Any]]] = {}
        self._ends: dict[str, list[EndHook[Any]]] = {}

    def add_start(self, accessor: type[SessionT], hook: StartHook[SessionT]) -> None:
        """Call ``hook`` whenever a session of that class begins.

        Raises:
            ValueError: If the server has no such class.
        """
        self._starts.setdefault(self._known(accessor), []).append(hook)

    def add_end(self, accessor: type[SessionT], hook: EndHook[SessionT]) -> None:
        """Call ``hook`` whenever a session of that class is over.

        Raises:
            ValueError: If the server has no such class.
        """
        self._ends.setdefault(self._known(accessor), []).append(hook)

    def _known(self, accessor: type[BaseSession]) -> str:
        name = accessor.schema.name
        if self._accessors.get(name) is not accessor:
            raise ValueError(f"{accessor.__name__} is not among the schemas of these Sessions")
        return name

    # What accessors ask; see ``context.Hooks``

    def wants_start(self, schema: str) -> bool:
        """See ``Hooks.wants_start``."""
        return schema in self._starts

    @property
    def wants_end(self) -> bool:
        """See ``Hooks.wants_end``."""
        return bool(self._ends)

    async def started(self, session: BaseSession) -> None:
        """Call the hooks for a session that has just begun; if one fails, the session ends and the error goes on."""
        try:
            for hook in self._starts.get(session.schema.name, ()):
                await hook(session)
        except BaseException:
            with suppress(StoreError):
                await session.end()
            raise

    async def over(self, remains: Sequence[Remains], by: Literal["ended", "evicted"]) -> None:
        """Call the hooks for sessions that are over; one that fails is logged, and keeps no other from being called."""
        for one in remains:
            for hook in self._ends.get(one.address.schema, ()):
                reason: EndReason = "expired" if one.reason == "expired" else by
                try:
                    await hook(await self._last_words(one), reason)
                except Exception:
                    where = f"{one.address.schema} of {masked(one.address.id)}"
                    _log.exception("a hook failed at the end of a session: %s", where)

    async def _last_words(self, one: Remains) -> BaseSession:
        """Return an accessor of what a session held, in a store of its own."""
        store = MemoryStore()
        access = Access(Address("handle", one.address.id, one.address.schema), one.owner)
        await store.create(access, _READABLE, one.values)
        return self._accessors[one.address.schema](Call(store, Caller(one.owner)), access)

    # What ends sessions besides their owners

    async def evict(self, address: Address) -> bool:
        """End a session whoever owns it; False if there is none."""
        found = await self._store.look_up(address)
        if found is None:
            return False
        return await end_session(self._store, Access(address, found.owner), self, "evicted")

    async def evict_all(self, owner: str) -> int:
        """End all sessions that an owner has now; return how many there were."""
        count, page = 0, await self._store.scan(owner=owner)
        while True:
            for one in page.sessions:
                count += await end_session(self._store, Access(one.address, owner), self, "evicted")
            if not page.cursor:
                return count
            page = await self._store.scan(owner=owner, cursor=page.cursor)

    async def purge(self) -> int:
        """Remove what has expired, and call the hooks; return how many sessions there were."""
        count = 0
        while remains := await self._store.purge_expired(values=self.wants_end):
            await self.over(remains, "ended")
            count += len(remains)
        return count

    @asynccontextmanager
    async def sweeping(self) -> AsyncIterator[None]:
        """Purge again and again while the block runs, if there is a hook that wants to know."""
        task = asyncio.create_task(self._sweep()) if self.wants_end else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _sweep(self) -> None:
        while True:
            try:
                await self.purge()
            except StoreError as error:
                _log.warning("looking for expired sessions failed, and is tried again: %s", error)
            await asyncio.sleep(SWEEP_SECONDS)
