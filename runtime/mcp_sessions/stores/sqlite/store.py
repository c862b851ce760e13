"""The store in a SQLite file: survives restarts, and serves several processes on one machine."""

import asyncio
import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

from mcp_sessions.durations import Duration, seconds
from mcp_sessions.errors import StoreError, StoreUrlError
from mcp_sessions.stores.base import Access, Clock
from mcp_sessions.stores.checkup import Checkup
from mcp_sessions.stores.rowstore import Operation, Result, RowStore, told
from mcp_sessions.stores.sqlite import checkup
from mcp_sessions.stores.sqlite.file import SQLiteFile
from mcp_sessions.stores.sqlite.rows import read_one
from mcp_sessions.stores.sqlite.worker import SQLiteWorker

Synchronous: TypeAlias = Literal["NORMAL", "FULL"]
"""NORMAL: what was acknowledged survives the death of the process; FULL: and that of the machine."""

SYNCHRONOUS: Final = get_args(Synchronous)


class SQLiteStore(RowStore):
    """Sessions in a SQLite file (in WAL mode), which several processes may use at once.

    The file is created and checked at once, and worked on in a thread that starts with the first operation. Safe
    to use from several event loops and threads, and after a fork.

    Args:
        path: Where the file is; its folder must exist.
        clock: Seconds since the epoch.
        synchronous: How long what was acknowledged is certain to be kept.
        busy_timeout: How long to wait for another process that is writing.

    Raises:
        StoreUrlError: If the file cannot be created, opened or written, or is not one of ours.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Clock = time.time,
        synchronous: Synchronous = "NORMAL",
        busy_timeout: Duration = "5s",
    ) -> None:
        if synchronous not in SYNCHRONOUS:
            raise StoreUrlError(f"synchronous must be one of {', '.join(SYNCHRONOUS)}, got {synchronous!r}")
        self._file = SQLiteFile(Path(path), synchronous, seconds(busy_timeout))
        self._clock = clock
        self._closed = False
        self._workers: dict[int, SQLiteWorker] = {}

    async def read(self, access: Access, keys: Sequence[str] | None = None) -> dict[str, bytes]:
        """See ``Store.read``."""
        if keys is None or len(keys) != 1:
            return await super().read(access, keys)
        operation = partial(read_one, access=access, key=keys[0])
        return told(access, await self._worker().submit(operation, writes=False, single=True))

    async def inspect(self) -> Checkup:
        """See ``InspectableStore.inspect``."""
        self._worker()
        return await asyncio.to_thread(checkup.inspect, self._file)

    async def _perform(self, operation: Operation[Result], *, writes: bool = True) -> Result:
        return await self._worker().submit(operation, writes=writes)

    async def aclose(self) -> None:
        """See ``Store.aclose``; what was accepted before is still done."""
        self._closed = True
        worker = self._workers.get(os.getpid())
        if worker is not None:
            await asyncio.wrap_future(worker.close())
            worker.join()

    def _worker(self) -> SQLiteWorker:
        """Return this process's worker: a thread does not live on in a forked child."""
        if self._closed:
            raise StoreError("the session store is closed")
        process = os.getpid()
        worker = self._workers.get(process)
        if worker is None:
            worker = self._workers.setdefault(process, SQLiteWorker(self._file, self._clock))
        return worker
