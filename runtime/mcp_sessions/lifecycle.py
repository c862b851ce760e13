"""What a server does when sessions begin and end: its hooks, each called once among all workers.

A hook of an end gets an accessor of what the session held at last, so that it can close what the session had open.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from inspect import iscoroutinefunction, signature
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypeVar

from mcp_sessions.base_session import BaseSession
from mcp_sessions.context import Call, Caller, EndReason, end_session
from mcp_sessions.errors import StoreError
from mcp_sessions.ids import masked
from mcp_sessions.resolve import access_to
from mcp_sessions.stores.base import GRACE_SECONDS, Access, Address, Lifetime, Remains, Store
from mcp_sessions.stores.memory import MemoryStore

SessionT = TypeVar("SessionT", bound=BaseSession)
T = TypeVar("T")

StartHook: TypeAlias = Callable[[SessionT], Awaitable[None]]
EndHook: TypeAlias = Callable[[SessionT, EndReason], Awaitable[None]]

_log: Final = logging.getLogger("mcp_sessions")

SWEEP_SECONDS: Final = GRACE_SECONDS / 4
"""How often a server looks for sessions that have expired."""

HOOK_SECONDS: Final = 30.0
"""How long a hook of an end may take, and how long a server that stops waits for those that run."""

_AT_ONCE: Final = 32
"""How many hooks run at once for sessions that expired together."""

_READABLE: Final = Lifetime(24 * 3600.0)
"""How long a hook may take to read what a session held."""


class _Purged(NamedTuple):
    """How many sessions were removed, and the task that tells of them."""

    sessions: int
    telling: asyncio.Task[None]


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
        self._unfinished: set[asyncio.Task[Any]] = set()

    def add_start(self, accessor: type[SessionT], hook: StartHook[SessionT]) -> None:
        """Call ``hook`` whenever a session of that class begins.

        Raises:
            ValueError: If the server has no such class.
        """
        _require_async(hook, 1)
        self._starts.setdefault(self.require(accessor), []).append(hook)

    def add_end(self, accessor: type[SessionT], hook: EndHook[SessionT]) -> None:
        """Call ``hook`` whenever a session of that class is over.

        Raises:
            ValueError: If the server has no such class.
        """
        _require_async(hook, 2)
        self._ends.setdefault(self.require(accessor), []).append(hook)

    def require(self, accessor: type[BaseSession]) -> str:
        """Return the name of an accessor class's schema.

        Raises:
            ValueError: If the server has no such class.
        """
        if accessor not in self._accessors.values():
            called = getattr(accessor, "__name__", repr(accessor))
            raise ValueError(f"{called} is not among the schemas of these Sessions; a hook is for one of those classes")
        return accessor.schema.name

    # What accessors ask; see ``context.Hooks``

    def wants_start(self, schema: str) -> bool:
        """See ``Hooks.wants_start``."""
        return schema in self._starts

    @property
    def wants_end(self) -> bool:
        """See ``Hooks.wants_end``."""
        return bool(self._ends)

    async def started(self, session: BaseSession, access: Access) -> None:
        """Call the hooks for a session that has just begun; if one fails, the session ends and the error goes on.

        That end is told as any other, for what the hooks before it may have opened.
        """
        try:
            for hook in self._starts.get(session.schema.name, ()):
                await hook(session)
        except BaseException:
            with suppress(StoreError):
                await self.finish(end_session(self._store, access, self))
            raise

    async def over(self, remains: Sequence[Remains], by: Literal["ended", "evicted"]) -> None:
        """Call the hooks for sessions that are over; one that fails is logged, and keeps no other from being called."""
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def tell(one: Remains) -> None:
            async with at_once:
                await self._tell(one, "expired" if one.reason == "expired" else by)

        await asyncio.gather(*(tell(one) for one in remains if one.address.schema in self._ends))

    async def _tell(self, one: Remains, reason: EndReason) -> None:
        where = f"{one.address.schema} of {masked(one.address.id)}"
        for hook in self._ends[one.address.schema]:
            try:
                async with asyncio.timeout(HOOK_SECONDS):
                    await hook(await self._last_words(one), reason)
            except TimeoutError:
                _log.exception("a hook at the end of a session took too long, or gave up: %s", where)
            except Exception:
                _log.exception("a hook failed at the end of a session: %s", where)

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """See ``Hooks.finish``."""
        return await asyncio.shield(self._begin(work))

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Do something in a task of its own, for which a server that stops waits."""
        task = asyncio.create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._is_finished)
        return task

    def _is_finished(self, task: asyncio.Task[Any]) -> None:
        self._unfinished.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits gets it; if nobody does any more, it is no news

    async def _drain(self) -> None:
        """Wait for what is not to be broken off, though not for ever."""
        deadline = asyncio.get_running_loop().time() + HOOK_SECONDS
        late: set[asyncio.Task[Any]] = set(self._unfinished)
        while late and (left := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(late, timeout=left)
            late = set(self._unfinished)  # a purge that is done has begun to tell of what it found
        if late:
            _log.warning("%s ends of sessions were not told, because the server stopped", len(late))
        for task in late:
            task.cancel()

    async def _last_words(self, one: Remains) -> BaseSession:
        """Return an accessor of what a session held, in a store of its own."""
        store = MemoryStore()
        accessor = self._accessors[one.address.schema]
        schema, address = accessor.schema, Address("handle", one.address.id, one.address.schema)
        access = Access(address, one.owner, version=one.version, since=one.since)
        await store.create(access, _READABLE, one.values)  # where it is of another version, as anywhere
        call = Call(store, Caller(one.owner))
        return accessor(call, access_to(schema, address, call))

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
        count, telling = 0, []
        while (found := await self.finish(self._purge_some())) is not None:
            count += found.sessions
            telling.append(asyncio.shield(found.telling))
        await asyncio.gather(*telling)
        return count

    async def make_room(self) -> None:
        """See ``Hooks.make_room``."""
        await self.finish(self._purge_some())

    async def _purge_some(self) -> "_Purged | None":
        """Remove some of what has expired, and begin to tell of it; None when there was nothing."""
        remains = await self._store.purge_expired(values=self.wants_end)
        return _Purged(len(remains), self._begin(self.over(remains, "ended"))) if remains else None

    @asynccontextmanager
    async def sweeping(self) -> AsyncIterator[None]:
        """Purge again and again while the block runs; at its end, hooks that run are waited for."""
        task = asyncio.create_task(self._sweep())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self._drain()

    async def _sweep(self) -> None:
        """Purge at the same pace however long the hooks take: what stores remove by themselves, nobody learns of."""
        while True:
            try:
                while await self.finish(self._purge_some()):
                    pass
            except StoreError as error:
                _log.warning("looking for expired sessions failed, and is tried again: %s", error)
            await asyncio.sleep(SWEEP_SECONDS)


def _require_async(hook: Any, arguments: int) -> None:
    if not (iscoroutinefunction(hook) or (callable(hook) and iscoroutinefunction(type(hook).__call__))):
        raise TypeError(f"a hook is an async function; got {hook!r}")
    try:
        signature(hook).bind(*range(arguments))
    except TypeError:
        takes = "the session" if arguments == 1 else "the session and the reason of its end"
        raise TypeError(f"this hook is called with {takes}, and {hook!r} does not take that") from None
