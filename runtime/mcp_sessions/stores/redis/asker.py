"""Asking a Redis or Valkey server about sessions: which script, on which keys, on which event loop's line."""

import asyncio
import os
import threading
from collections.abc import Sequence
from typing import Any, Final

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.redis.answers import result_of
from mcp_sessions.stores.redis.claims import Claims
from mcp_sessions.stores.redis.clients import GivenServer, Server
from mcp_sessions.stores.redis.line import Argument, Call, Line
from mcp_sessions.stores.redis.names import Partition, owner_name
from mcp_sessions.stores.redis.scripts import ScriptName, scripts
from mcp_sessions.stores.terms import Access, Address, Clock

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
        self._claims = Claims(self.partitions, clock)
        self._closed = False
        self._changing = threading.Lock()
        self._lines: dict[asyncio.AbstractEventLoop, tuple[int, Line]] = {}

    async def use(self, script: ScriptName, access: Access, *arguments: Argument) -> Any:
        """Perform an operation on a session for a caller; return its result, or raise its refusal."""
        return result_of(access, await self.ask(script, access, *arguments))

    async def ask(self, script: ScriptName, access: Access, *arguments: Argument) -> Any:
        """Return a script's whole answer, after counting sessions in other partitions if it needs that."""
        begins = script == "create"
        claim = self._claims.made(access, begins=True) if begins else self._claims.of(access)
        answer = await self._line().ask(Call(scripts()[script], claim.keys, (*claim.about, *arguments)))
        while answer[0] == b"count":
            elsewhere = await self._count_elsewhere(claim.partition, owner_name(access.owner))
            begins = begins or not access.address.is_parent
            claim = self._claims.made(access, begins=begins, elsewhere=elsewhere)
            answer = await self._line().ask(Call(scripts()[script], claim.keys, (*claim.about, *arguments)))
        return answer

    async def operate(self, script: ScriptName, partition: Partition, *arguments: Argument) -> Any:
        """Return the answer of a script for those who run the server."""
        call = Call(scripts()[script], partition.indexes, (self._claims.head(), *arguments))
        return await self._line().ask(call)

    async def count(self) -> int:
        """Return how many sessions are counted in all partitions."""
        line = self._line()
        calls = [Call(None, (partition.indexes[2],), ("HGET", "all")) for partition in self.partitions]
        return sum(int(found or 0) for found in await asyncio.gather(*map(line.ask, calls)))

    async def tell(self, *command: Argument) -> list[Any]:
        """Return what each server answers to a command that is about itself."""
        return await self._line().tell(*command)

    def partition_of(self, address: Address) -> Partition:
        """Return the partition that a session is in."""
        return self._claims.partition_of(address)

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

    async def _count_elsewhere(self, partition: Partition, owner: bytes) -> tuple[float, float]:
        line = self._line()
        calls = [
            Call(None, (other.indexes[2],), ("HMGET", "all", owner or "+"))
            for other in self.partitions
            if other is not partition
        ]
        counts = await asyncio.gather(*map(line.ask, calls))
        return sum(int(mine or 0) for _, mine in counts), sum(int(every or 0) for every, _ in counts)

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
