"""Asking a Redis or Valkey server about sessions: which script, on which keys, on which event loop's line."""

import asyncio
import os
import struct
import threading
from collections.abc import Sequence
from typing import Any, Final

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.redis.answers import result_of
from mcp_sessions.stores.redis.clients import GivenServer, Server
from mcp_sessions.stores.redis.line import Argument, Call, Line
from mcp_sessions.stores.redis.names import Partition, name_of, owner_name, parent_name_of, place_of
from mcp_sessions.stores.redis.scripts import ScriptName, scripts
from mcp_sessions.stores.terms import Access, Address, Clock, NotLiveError
from mcp_sessions.stores.texts import is_text

_HEAD: Final = struct.Struct(">12d")
_NONE: Final = -1.0
_PATIENCE: Final = 10.0
"""For how many seconds at most closing waits for another event loop."""


class Asker:
    """Runs scripts for callers in any thread and event loop.

    Args:
        server: Where they run.
        partitions: Over what sessions are spread.
        clock: Seconds since the epoch; None for the server's own.
    """

    def __init__(self, server: Server | GivenServer, partitions: Sequence[Partition], clock: Clock | None) -> None:
        self.partitions = tuple(partitions)
        self._server = server
        self._clock = clock
        self._closed = False
        self._changing = threading.Lock()
        self._lines: dict[asyncio.AbstractEventLoop, tuple[int, Line]] = {}

    async def use(self, script: ScriptName, access: Access, *arguments: Argument) -> Any:
        """Perform an operation on a session for a caller; return its result, or raise its refusal."""
        return result_of(access, await self.ask(script, access, *arguments))

    async def ask(self, script: ScriptName, access: Access, *arguments: Argument) -> Any:
        """Return a script's whole answer, after counting sessions in other partitions if it needs that."""
        if not is_text(access.address.id) or not is_text(access.address.schema):
            raise NotLiveError("unknown")
        partition = self.partition_of(access.address)
        elsewhere = (0.0, 0.0) if len(self.partitions) == 1 else (_NONE, _NONE)
        while True:
            call = self._call(script, partition, access, elsewhere, arguments)
            answer = await self._line().ask(call)
            if answer[0] != b"count":
                return answer
            elsewhere = await self._count_elsewhere(partition, owner_name(access.owner))

    async def operate(self, script: ScriptName, partition: Partition, *arguments: Argument) -> Any:
        """Return the answer of a script for those who run the server."""
        head = _HEAD.pack(self._now(), *[_NONE] * 11)
        call = Call(scripts()[script], partition.indexes, (head, partition.base, *arguments))
        return await self._line().ask(call)

    async def count(self) -> int:
        """Return how many sessions are counted in all partitions."""
        line = self._line()
        calls = [Call(None, (partition.indexes[2],), ("HGET", "all")) for partition in self.partitions]
        return sum(int(found or 0) for found in await asyncio.gather(*map(line.ask, calls)))

    def partition_of(self, address: Address) -> Partition:
        """Return the partition that a session is in."""
        return self.partitions[place_of(address, len(self.partitions))]

    async def close(self) -> None:
        """Finish what was asked in all event loops, and accept nothing more."""
        self._closed = True
        with self._changing:
            lines = list(self._lines.items())
        for loop, (process, line) in lines:
            if process != os.getpid():
                continue
            if loop is asyncio.get_running_loop():
                await line.close()
            elif loop.is_running():
                closing = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(line.close(), loop))
                await asyncio.wait([closing], timeout=_PATIENCE)  # that loop may end meanwhile

    def _call(
        self,
        script: ScriptName,
        partition: Partition,
        access: Access,
        elsewhere: tuple[float, float],
        arguments: Sequence[Argument],
    ) -> Call:
        address, limits = access.address, access.limits
        begin = access.begin if script == "create" or not address.is_parent else None
        idle, longest = (_NONE, _NONE) if begin is None else (begin.idle, or_none(begin.max))
        mosts = (limits.value_bytes, limits.session_bytes, limits.owner_sessions, limits.all_sessions)
        most = map(or_none, mosts)
        versions = (access.version, access.reads)
        head = _HEAD.pack(self._now(), *versions, *most, *elsewhere, access.since, idle, longest)
        name, above = name_of(address), parent_name_of(address)
        keys = (*partition.indexes, partition.base + name, *((partition.base + above,) if above else ()))
        digest = access.digest.encode("utf-8", "surrogatepass")
        about = (head, partition.base, name, above, owner_name(access.owner), digest)
        return Call(scripts()[script], keys, (*about, *arguments))

    async def _count_elsewhere(self, partition: Partition, owner: bytes) -> tuple[float, float]:
        line = self._line()
        calls = [
            Call(None, (other.indexes[2],), ("HMGET", "all", owner or "+"))
            for other in self.partitions
            if other is not partition
        ]
        counts = await asyncio.gather(*map(line.ask, calls))
        return sum(int(mine or 0) for _, mine in counts), sum(int(every or 0) for every, _ in counts)

    def _now(self) -> float:
        return _NONE if self._clock is None else self._clock()

    def _line(self) -> Line:
        """Return the line of the current event loop in this process."""
        if self._closed:
            raise StoreError("the session store is closed")
        loop = asyncio.get_running_loop()
        process, line = self._lines.get(loop, (0, None))
        if line is None or process != os.getpid():
            line = self._server.line(lambda: self._forget(loop))
            with self._changing:
                for other in [known for known in self._lines if known.is_closed()]:
                    del self._lines[other]
                self._lines[loop] = os.getpid(), line
        return line

    def _forget(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._changing:
            self._lines.pop(loop, None)


def or_none(number: float | None) -> float:
    """Return a number as scripts take it, where nothing is below zero."""
    return _NONE if number is None else float(number)
