"""One operation at work: what it keeps others from, what it loads, and in which order it writes.

Such a backend can get, put and delete documents, and nothing of that on a condition. So operations on one session
queue up in this process, each loads, decides and writes. Locks are taken in one order, sessions by name and then the
index, so nothing deadlocks. A process that dies between two writes leaves an index that promises too much:

1. what the index has to promise: a session that begins, or that is due earlier than before;
2. the documents of sessions, each of them whole;
3. what the index has to promise no longer.

Purging looks at each entry when it is due, and strikes those without a session. An entry that is lost all the same, as
when two processes write one part of the index at the same moment, does no harm to the session; but that is not listed,
does not count, and goes without being told, by the backend's own expiry.
"""

import logging
from collections.abc import Hashable, Iterable, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final

from mcp_sessions.errors import StoreError
from mcp_sessions.locks import local_lock
from mcp_sessions.stores import rows
from mcp_sessions.stores.keyvalue.backend import Backend
from mcp_sessions.stores.keyvalue.family import Family, home_of, name_of
from mcp_sessions.stores.keyvalue.index import SHARDS, Entry, shard_of
from mcp_sessions.stores.keyvalue.rows import Change, FamilyRows, Loaded, NotLoadedError
from mcp_sessions.stores.rowstore import Operation, Result
from mcp_sessions.stores.terms import TOMBSTONE_SECONDS, Clock, Remains

_log: Final = logging.getLogger("mcp_sessions")

_INDEX: Final = "index"
"""The name of the lock of the index."""


class Work:
    """A block of which others do not come between: what it locks is free again at its end.

    Args:
        backend: Where the documents are.
        whose: What names the locks besides the documents' names.
    """

    def __init__(self, backend: Backend, *whose: Hashable) -> None:
        self._backend = backend
        self._whose = whose
        self._loaded = Loaded()
        self._held = AsyncExitStack()
        self._has_index = False

    async def __aenter__(self) -> "Work":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._held.aclose()

    async def perform(self, operation: Operation[Result], clock: Clock) -> Result:
        """Perform an operation on whatever documents it turns out to need."""
        while True:
            table, now = FamilyRows(self._loaded), clock()
            try:
                result = operation(table, now)
            except NotLoadedError as lacking:
                await self._load(lacking.sessions, lacking.index, alone=lacking.alone)
            else:
                await self._write(table.changes(), now)
                return result

    async def due(self, now: float, limit: int) -> dict[str, Entry]:
        """Return up to ``limit`` entries of the index that are due; it is counted anew on this occasion."""
        await self._load_index(range(SHARDS))
        await self._write_index()
        return self._loaded.index.due(now, limit)

    async def purge(self, due: dict[str, Entry], now: float, limit: int, gone: list[Remains], *, values: bool) -> int:
        """Purge the sessions of entries that are due; add what remains to ``gone``, and return how much was found.

        The entries are corrected: most of them are of sessions that were used since.
        """
        await self._load(sorted(due))
        damaged = {name for name in due if not self._is_readable(name)}
        for name in damaged:
            del self._loaded.documents[name]
        await self._load_index(shard_of(name, entry.owner) for name, entry in due.items())
        table = FamilyRows(self._loaded)
        remains, _ = rows.purge(table, now, limit, values=values)
        for change in table.changes():
            await self._write_sessions([change], now)
            gone += [one for one in remains if name_of(home_of(one.address)) == change.name]  # whatever comes later
        later = now + TOMBSTONE_SECONDS
        for name, entry in due.items():
            await self._settle(name, entry, entry._replace(due=later) if name in damaged else table.change(name).after)
        await self._write_index()
        return table.found

    async def _load(self, sessions: Sequence[str], index: Sequence[str] = (), *, alone: bool = True) -> None:
        if alone:
            for name in sessions:
                await self._held.enter_async_context(local_lock(*self._whose, name))
        if alone and index and not self._has_index:
            await self._held.enter_async_context(local_lock(*self._whose, _INDEX))
            self._has_index = True
        self._loaded.documents |= await self._backend.get(sessions)
        self._loaded.index.load(await self._backend.get(index))

    async def _load_index(self, shards: Iterable[int]) -> None:
        await self._load([], self._loaded.index.lacks(shards))

    async def _write(self, changes: list[Change], now: float) -> None:
        concerned = [change for change in changes if change.promises or change.relieves]
        if not concerned:
            await self._write_sessions(changes, now)
            return
        # Before anything is written: when the index cannot be loaded, nothing is.
        await self._load_index({shard for change in concerned for shard in change.shards})
        for change in concerned:
            if change.promises and change.after is not None:
                self._loaded.index.settle(change.name, change.after)
        await self._write_index()
        await self._write_sessions(changes, now)
        for change in concerned:
            if change.relieves and change.before is not None:
                await self._settle(change.name, change.before, change.after)
        await self._write_index()

    async def _write_sessions(self, changes: list[Change], now: float) -> None:
        for name, family, _, _ in changes:
            if family is not None:
                await self._backend.put({name: family.written()}, family.ttl(now))
        if gone := [name for name, family, before, _ in changes if family is None and before is not None]:
            await self._backend.delete(gone)

    async def _settle(self, name: str, before: Entry, after: Entry | None) -> None:
        """Correct the entry of a session whose document is written."""
        await self._load_index(Change(name, None, before, after).shards)
        if after is None or after.owner != before.owner:
            self._loaded.index.strike(name, before.owner)
        if after is not None:
            self._loaded.index.settle(name, after)

    async def _write_index(self) -> None:
        if changes := self._loaded.index.take_changes():
            await self._backend.put(changes)

    def _is_readable(self, name: str) -> bool:
        try:
            Family.read(name, self._loaded.documents[name])
        except StoreError as error:
            _log.warning("a session that expired cannot be purged: %s", error)
            return False
        return True
