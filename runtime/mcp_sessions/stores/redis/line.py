"""The lines on which calls go to a Redis or Valkey server, one for each event loop.

A line keeps the order of its calls, and sends whatever has queued up meanwhile together: many callers at once cost
little more than one. No call is ever sent twice, so none is done twice; what is tried again is connecting.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.redis.scripts import Script, scripts

_BATCH: Final = 128
"""How many calls are sent together at most."""

Argument: TypeAlias = bytes | str | int


@dataclass(frozen=True, slots=True)
class Call:
    """What a server is to do: run a script on keys with arguments, or without one the command that these are."""

    script: Script | None
    keys: tuple[Argument, ...]
    arguments: tuple[Argument, ...]

    def command(self, *, in_full: bool = False) -> tuple[Argument, ...]:
        """Return the command; ``in_full`` for a server that does not know the script yet."""
        if self.script is None:
            return (*self.arguments[:1], *self.keys, *self.arguments[1:])
        called = ("EVAL", self.script.text) if in_full else ("EVALSHA", self.script.digest)
        return (*called, len(self.keys), *self.keys, *self.arguments)


class Pool(Protocol):
    """What is needed of a pool of redis-py, as it has it."""

    async def get_connection(self) -> AbstractConnection:
        """Return a connection that is connected."""
        ...

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        """Connect a connection again that was closed meanwhile."""
        ...

    async def release(self, connection: AbstractConnection) -> None:
        """Take a connection back."""
        ...

    async def disconnect(self) -> None:
        """Close all connections."""
        ...

    def make_connection(self) -> AbstractConnection:
        """Make a connection that is not connected yet."""
        ...


class Line(ABC):
    """Where the calls of one event loop are answered, in their order.

    Args:
        place: How messages name the server.
        closed: Called when the line is closed, by ``close`` or because its event loop ends.
    """

    def __init__(self, place: str, closed: Callable[[], None]) -> None:
        self._place = place
        self._closed = closed
        self._queue: deque[tuple[Call, asyncio.Future[Any]]] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._life: AsyncGenerator[None] | None = None

    @abstractmethod
    async def _exchange(self, calls: Sequence[Call]) -> list[Any]:
        """Send calls together; return the answer to each, or the error that came instead."""

    @abstractmethod
    async def _disconnect(self) -> None:
        """Let go of the server."""

    async def ask(self, call: Call) -> Any:
        """Return the server's answer.

        Raises:
            mcp_sessions.StoreError: If there is none.
        """
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        self._queue.append((call, answer))
        if self._sending is None:
            self._sending = loop.create_task(self._send_all())
        return await answer

    async def close(self) -> None:
        """Finish what was asked, then let go of the server."""
        while self._sending is not None:
            await asyncio.wait([self._sending])
        if self._life is not None:
            await self._life.aclose()

    async def _send_all(self) -> None:
        try:
            if self._life is None:
                self._life = self._live()
                await anext(self._life)
            while self._queue:
                await self._send_some()
        finally:
            self._sending = None
            for _, answer in self._queue:
                answer.cancel()
            self._queue.clear()

    async def _live(self) -> AsyncGenerator[None]:
        """Be closed at the end of the event loop at the latest: loops do so with generators that have begun."""
        try:
            yield
        finally:
            self._closed()
            await self._disconnect()

    async def _send_some(self) -> None:
        batch: list[tuple[Call, asyncio.Future[Any]]] = []
        while self._queue and len(batch) < _BATCH:
            call, answer = self._queue.popleft()
            if not answer.cancelled():
                batch.append((call, answer))
        try:
            results = await self._exchange([call for call, _ in batch])
        except asyncio.CancelledError:
            for _, answer in batch:
                answer.cancel()
            raise
        except Exception as error:  # nobody may wait for ever
            results = [error] * len(batch)
        for (_, answer), result in zip(batch, results, strict=True):
            if answer.done():
                continue
            if isinstance(result, Exception):
                answer.set_exception(failure(self._place, result))
            else:
                answer.set_result(result)


class PoolLine(Line):
    """A line to one server, on one of a pool's connections, which it keeps; see ``Line``.

    Args:
        pool: The connections.
        owned: Whether they are to be closed with the line.
    """

    def __init__(self, pool: Pool, place: str, closed: Callable[[], None], *, owned: bool) -> None:
        super().__init__(place, closed)
        self._pool = pool
        self._owned = owned
        self._connection: AbstractConnection | None = None
        self._knows_scripts = False

    async def _exchange(self, calls: Sequence[Call]) -> list[Any]:
        results: list[Any] = []
        try:
            connection = await self._connected()
        except (RedisError, OSError, TypeError) as error:
            return [error] * len(calls)
        try:
            if not self._knows_scripts:
                await _talk(connection, [("SCRIPT", "LOAD", script.text) for script in scripts().values()], [])
                self._knows_scripts = True
            await _talk(connection, [call.command() for call in calls], results)
            unknown = [index for index, result in enumerate(results) if isinstance(result, NoScriptError)]
            if unknown:
                again: list[Any] = []
                try:
                    await _talk(connection, [calls[index].command(in_full=True) for index in unknown], again)
                finally:
                    for index, result in zip(unknown, again, strict=False):
                        results[index] = result
            if any(isinstance(result, ReadOnlyError) for result in results):
                await connection.disconnect()
        except (RedisError, OSError) as error:
            await connection.disconnect()
            self._knows_scripts = False
            results += [LostError(str(error))] * (len(calls) - len(results))
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return results

    async def _connected(self) -> AbstractConnection:
        if self._connection is None:
            self._connection = await self._pool.get_connection()
        else:
            await self._pool.ensure_connection(self._connection)
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._pool.release(connection)
        if self._owned:
            await self._pool.disconnect()


class LostError(RedisError):
    """The connection was lost after calls had been sent."""


async def _talk(connection: AbstractConnection, commands: Sequence[tuple[Argument, ...]], answers: list[Any]) -> None:
    """Send commands together, and add the answer to each, or the error that the server answered, to ``answers``."""
    await connection.send_packed_command(connection.pack_commands(commands))
    for _ in commands:
        try:
            answers.append(await connection.read_response())
        except ResponseError as error:
            answers.append(error)


def failure(place: str, error: Exception) -> StoreError:
    """Return the error of the store for one of the client."""
    text = " ".join(str(error).split()) or type(error).__name__
    doubt = "; whether the operation was done is not known" if isinstance(error, LostError) else ""
    made = StoreError(f"the session store at {place} failed: {text}{doubt}")
    made.__cause__ = error
    return made
