"""The lines on which calls go to a Redis or Valkey server, one for each event loop.

A line keeps the order of its calls, and sends whatever has queued up meanwhile together: many callers at once cost
little more than one. A caller who is alone has its call sent by itself, since a task for that would take longer than
the server does. No call is ever sent twice, so none is done twice; what is tried again is connecting.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from redis.exceptions import RedisError

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.redis.scripts import Script

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


Asked: TypeAlias = tuple[Call, "asyncio.Future[Any]"]
"""A call, and whoever waits for its answer."""


class Line(ABC):
    """Where the calls of one event loop are answered, in their order.

    Args:
        place: How messages name the server.
        closed: Called when the line is closed, by ``close`` or because its event loop ends.
    """

    def __init__(self, place: str, closed: Callable[[], None]) -> None:
        self._place = place
        self._closed = closed
        self._queue: deque[Asked] = deque()
        self._at_rest: asyncio.Future[None] | None = None  # while somebody is served
        self._serving: asyncio.Task[None] | None = None
        self._life: AsyncGenerator[None] | None = None

    @abstractmethod
    async def _serve(self, asked: list[Asked], more: Callable[[], list[Asked]] | None = None) -> None:
        """Give answers to calls, and to those that ``more`` returns until it returns none; all of them get one."""

    async def tell(self, *command: Argument) -> list[Any]:
        """Return what each server answers to a command that is about itself.

        Raises:
            mcp_sessions.StoreError: If one does not.
        """
        return [await self.ask(Call(None, (), command))]

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
        if self._at_rest is not None:
            self._queue.append((call, answer))
            return await answer
        self._at_rest = loop.create_future()
        try:
            await self._begin()
            await self._serve([(call, answer)])
        finally:
            self._go_on()
        return answer.result()

    async def close(self) -> None:
        """Finish what was asked, then let go of the server."""
        while self._at_rest is not None:
            await asyncio.wait([self._at_rest])
        if self._life is not None:
            await self._life.aclose()

    async def _begin(self) -> None:
        if self._life is None:
            self._life = self._live()
            await anext(self._life)

    async def _live(self) -> AsyncGenerator[None]:
        """Be closed at the end of the event loop at the latest: loops do so with generators that have begun."""
        try:
            yield
        finally:
            self._closed()
            await self._disconnect()

    def _go_on(self) -> None:
        """Have a task serve those who came while somebody was served; be at rest if nobody did."""
        if self._queue:
            self._serving = asyncio.get_running_loop().create_task(self._serve_queue())
        elif self._at_rest is not None:
            self._at_rest.set_result(None)
            self._at_rest = self._serving = None

    async def _serve_queue(self) -> None:
        try:
            await self._begin()
            while asked := self._take():
                await self._serve(asked, self._take)
        except asyncio.CancelledError:  # the event loop ends
            for _, answer in self._queue:
                answer.cancel()
            self._queue.clear()
            raise
        finally:
            self._go_on()

    def _take(self) -> list[Asked]:
        """Take those who have waited longest, except who gave up."""
        taken: list[Asked] = []
        while self._queue and len(taken) < _BATCH:
            asked = self._queue.popleft()
            if not asked[1].done():
                taken.append(asked)
        return taken

    def _give(self, answer: "asyncio.Future[Any]", result: Any) -> None:
        """Answer whoever still waits."""
        if answer.done():
            return
        if isinstance(result, Exception):
            answer.set_exception(failure(self._place, result))
        else:
            answer.set_result(result)


class LostError(RedisError):
    """The connection was lost after calls had been sent."""


def failure(place: str, error: Exception) -> StoreError:
    """Return the error of the store for one of the client."""
    text = " ".join(str(error).split()) or type(error).__name__
    doubt = "; whether the operation was done is not known" if isinstance(error, LostError) else ""
    made = StoreError(f"the session store at {place} failed: {text}{doubt}")
    made.__cause__ = error
    return made
