"""The store in anything that py-key-value adapts: MongoDB, S3, a folder, and so on."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from key_value.aio.protocols.key_value import AsyncKeyValue

from mcp_sessions.durations import Duration, seconds
from mcp_sessions.errors import StoreError
from mcp_sessions.stores.base import GRACE_SECONDS, Clock, ConditionalStore, Remains
from mcp_sessions.stores.keyvalue.backend import Backend
from mcp_sessions.stores.keyvalue.index import Entry
from mcp_sessions.stores.keyvalue.work import Work
from mcp_sessions.stores.rowstore import Operation, Result, RowStore

T = TypeVar("T")

_log: Final = logging.getLogger("mcp_sessions")

_AT_ONCE: Final = 100
"""How many sessions are purged together; nobody can use them meanwhile."""

_SWEEP_SECONDS: Final = 60.0
_SWEEP_LIMIT: Final = 500


class KeyValueStore(RowStore, ConditionalStore):
    """Sessions in an ``AsyncKeyValue`` of py-key-value.

    It keeps the contract among all tasks of one event loop, also if they use several stores on the same ``key_value``
    object; each operation is two round trips or more. Between processes, event loops and ``key_value`` objects it does
    not: there an operation is not atomic, and neither are limits and the telling of ends.

    Args:
        key_value: The backend, which has to give what was last written to it. It is not closed.
        collection: Where in the backend the documents are; nothing else may be there.
        clock: Seconds since the epoch.
        timeout: How long to wait for each answer of the backend.

    Raises:
        TypeError: If ``key_value`` is no such object.
    """

    condition: Final = (
        "its operations are atomic within one event loop of one process only; among several, updates can be lost, "
        "limits exceeded, and ends of sessions told twice or never. Serve with one worker, or use a store that workers "
        "can share"
    )

    def __init__(
        self,
        key_value: AsyncKeyValue,
        *,
        collection: str = "mcp-sessions",
        clock: Clock = time.time,
        timeout: Duration = "30s",
    ) -> None:
        if isinstance(key_value, type) or not isinstance(key_value, AsyncKeyValue):
            raise TypeError(f"key_value is an AsyncKeyValue of py-key-value; got {key_value!r}")
        self._backend = Backend(key_value, collection, seconds(timeout))
        self._name = (id(key_value), collection)  # not the object: it may have an equality of its own
        self._clock = clock
        self._closed = False
        self._sweep_at = 0.0
        self._unfinished: set[asyncio.Task[Any]] = set()

    async def _perform(self, operation: Operation[Result], *, writes: bool = True) -> Result:
        self._require_open()
        return await self._finish(self._perform_alone(operation))

    async def purge_expired(self, limit: int = 1000, *, values: bool = False) -> list[Remains]:
        """See ``Store.purge_expired``."""
        self._require_open()
        return await self._finish(self._purge(self._clock(), limit, values=values))

    async def aclose(self) -> None:
        """See ``Store.aclose``; what was accepted before is still done."""
        self._closed = True
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(task for task in self._unfinished if task.get_loop() is loop), return_exceptions=True)

    def _require_open(self) -> None:
        if self._closed:
            raise StoreError("the session store is closed")

    async def _finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something to its end even if the caller gives up: others must not begin while half of it is written."""
        task = asyncio.create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._is_finished)
        return await asyncio.shield(task)

    def _is_finished(self, task: asyncio.Task[Any]) -> None:
        self._unfinished.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits gets it; if nobody does any more, it is no news

    def _work(self) -> Work:
        return Work(self._backend, *self._name)

    async def _perform_alone(self, operation: Operation[Result]) -> Result:
        try:
            async with self._work() as work:
                return await work.perform(operation, self._clock)
        finally:
            await self._sweep()

    async def _purge(self, now: float, limit: int, *, values: bool = False) -> list[Remains]:
        gone: list[Remains] = []
        seen: dict[str, Entry] = {}
        while limit > 0:
            try:
                async with self._work() as work:
                    due = await work.due(now, min(limit, _AT_ONCE))
                if due == seen:  # there are none, or the backend does not give what was written to it
                    break
                seen = due
                async with self._work() as work:
                    limit -= await work.purge(due, now, limit, gone, values=values)
            except StoreError:
                if not gone:
                    raise
                break  # what is gone already has to be told
        return gone

    async def _sweep(self) -> None:
        """Remove what has expired, once in a while, for those who never purge."""
        now = self._clock()
        if now < self._sweep_at:
            return
        self._sweep_at = now + _SWEEP_SECONDS
        try:
            await self._purge(now - GRACE_SECONDS, _SWEEP_LIMIT)
        except StoreError as error:
            _log.warning("sweeping expired sessions failed: %s", error)
