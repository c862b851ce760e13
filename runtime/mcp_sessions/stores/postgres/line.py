"""The connections of one event loop, and who waits for them.

What is waiting is sent together by a connection that is free, see ``bundles``. So callers that come at once share the
way to the server, and a caller that gives up leaves its call to be done. Calls of one family (a transport session and
its children, or any one session) stay in their order, and hold only one connection: they would wait for each other in
the database too.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable
from copy import copy
from typing import Any, Final

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.postgres import errors
from mcp_sessions.stores.postgres.bundles import Bundle, Job, bundled
from mcp_sessions.stores.postgres.calls import Row
from mcp_sessions.stores.postgres.database import Database
from mcp_sessions.stores.postgres.names import Call, Family
from mcp_sessions.stores.postgres.wire import Refusal, Statement, Wire

_BATCH: Final = 64
"""How many calls are sent together at most."""

_SHARE: Final = 32
"""How many are worth a connection of their own, when others are busy."""

_IDLE_SECONDS: Final = 60.0
"""After how long a connection that nobody needed is closed."""

_CANCEL_SECONDS: Final = 2.0
"""How long the server has to give up on a call, before the connection is cut."""


class Line:
    """Performs calls, for the tasks of the event loop in which it is made.

    Args:
        database: Where the connections lead.
        connections: How many there may be.
        timeout: Seconds that a call may take, and that it may wait before.
    """

    def __init__(self, database: Database, connections: int, timeout: float) -> None:
        self._database = database
        self._connections = connections
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._ready: deque[Job] = deque()
        self._behind: dict[Family, deque[Job]] = {}
        self._idle: list[Wire] = []
        self._busy: dict[Wire, list[Job]] = {}
        self._connecting = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._is_called = False
        self._moved: asyncio.Future[None] | None = None

    def submit(self, call: Call) -> "asyncio.Future[list[Row]]":
        """Accept a call; the future has its rows.

        Raises:
            StoreError: If there is a number in it that is too large.
        """
        job = Job(call, self._database.encoded(call), self._loop.create_future(), self._loop.time())
        family = call.family
        if family is not None:
            behind = self._behind.get(family)
            if behind is not None:
                behind.append(job)
                return job.answer
            self._behind[family] = deque()
        self._ready.append(job)
        self._call()
        return job.answer

    async def close(self) -> None:
        """Finish what was accepted, and close the connections."""
        while self._busy or self._ready or self._tasks:
            self._moved = self._loop.create_future()
            await asyncio.wait([self._moved, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])

    def abandon(self) -> None:
        """Close the connections of a loop that does not run any more."""
        for wire in (*self._idle, *self._busy):
            wire.close()
        self._idle.clear()
        self._busy.clear()

    def _call(self) -> None:
        """Have what is waiting sent off when all those have run who can run now: they may have something to add."""
        if not self._is_called:
            self._is_called = True
            self._loop.call_soon(self._send_off)

    def _send_off(self) -> None:
        self._is_called = False
        while self._ready:
            wire = self._free_wire()
            if wire is None and len(self._busy) + self._connecting >= self._connections:
                break
            taken = self._take()
            if wire is not None:
                self._send(wire, taken)
            else:
                self._connecting += 1
                self._start(self._connect(taken))
        if self._moved is not None and not self._moved.done():
            self._moved.set_result(None)

    def _free_wire(self) -> Wire | None:
        """Return a connection that is free, and good as far as can be seen from here: the one that has slept least."""
        while self._idle:
            wire = self._idle.pop()
            if self._database.is_prepared and wire.is_alive():
                return wire
            wire.close()
        return None

    def _take(self) -> list[Job]:
        """Take what is to be sent together: a fair part of what is waiting, and what waits behind it."""
        ready = self._ready
        if ready[0].call.family is None:  # a look at many sessions: nobody is to wait for the end of it
            return [ready.popleft()]
        fair = max(_SHARE, -(-len(ready) // self._connections))
        jobs: list[Job] = []
        while ready and fair > 0 and len(jobs) < _BATCH and ready[0].call.family is not None:
            fair -= 1
            job = ready.popleft()
            jobs.append(job)
            behind = self._behind[job.family]
            while behind and len(jobs) < _BATCH:
                jobs.append(behind.popleft())
        return jobs

    async def _connect(self, taken: list[Job]) -> None:
        """Make a connection for calls; the first ones have somebody look after all that there will be."""
        if self._keeper is None or self._keeper.done():
            self._keeper = self._loop.create_task(self._keep())
        try:
            wire = Wire(await self._database.connect())
        except Exception as error:
            _fail(taken, error if isinstance(error, StoreError) else self._database.lost(error))
            self._release(taken)
        except BaseException:
            _fail(taken, _stopped())
            raise
        else:
            self._send(wire, taken)
        finally:
            self._connecting -= 1
        self._call()

    def _send(self, wire: Wire, taken: list[Job]) -> None:
        bundles = bundled(self._wanted(taken))
        statements = [bundle.statement(self._database) for bundle in bundles]
        timer = self._loop.call_later(self._timeout, self._interrupt, wire)
        self._busy[wire] = taken

        def finish() -> None:
            timer.cancel()
            del self._busy[wire]
            for job in reversed(self._answer(wire, bundles, statements)):
                waiting = self._ready if job.call.family is None else self._behind[job.family]
                waiting.appendleft(job.alone(self._loop.time()))  # before those that came later
            self._put_back(wire)
            self._release(taken)
            self._call()

        wire.send(statements, finish)

    def _wanted(self, jobs: list[Job]) -> list[Job]:
        """Return the calls that are to be made: not for those who gave up, or who have waited for too long."""
        earliest = self._loop.time() - self._timeout
        for job in jobs:
            if job.submitted < earliest and not job.answer.done():
                job.answer.set_exception(errors.too_busy(self._timeout))
        return [job for job in jobs if not job.answer.done()]

    def _answer(self, wire: Wire, bundles: list[Bundle], statements: list[Statement]) -> list[Job]:
        """Answer calls; return those that were not made, and have to be made by themselves."""
        again: list[Job] = []
        for bundle, statement, answer in zip(bundles, statements, wire.answers, strict=False):
            if not isinstance(answer, Refusal):
                again += bundle.answer(answer)
            elif self._database.forgets(statement, answer) or bundle.is_joined:
                again += bundle.jobs
            else:
                _fail(bundle.jobs, errors.too_slow(self._timeout) if wire.is_late else self._database.refused(answer))
        if wire.lost is not None:
            error = errors.too_slow(self._timeout) if wire.is_late else self._database.lost(wire.lost)
            for bundle in bundles[len(wire.answers) :]:
                _fail(bundle.jobs, error)
        return again

    def _put_back(self, wire: Wire) -> None:
        """Let a connection be used again if it can."""
        if wire.lost is not None or wire.is_late:  # who was asked to give up might do so with the next call
            wire.close()
        else:
            wire.since = self._loop.time()
            self._idle.append(wire)

    def _release(self, taken: list[Job]) -> None:
        """Let those come forward who waited behind what has been done."""
        for family in {job.family: None for job in taken if job.call.family is not None}:
            behind = self._behind[family]
            while behind and behind[0].answer.done():  # whoever gave up
                behind.popleft()
            if behind:
                self._ready.append(behind.popleft())
            else:
                del self._behind[family]

    def _interrupt(self, wire: Wire) -> None:
        """End calls that take too long."""
        wire.is_late = True
        self._start(wire.interrupt(_CANCEL_SECONDS))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep(self) -> None:
        """Close connections that nobody needs; all of them, when the loop stops."""
        try:
            while self._idle or self._busy or self._tasks:
                await asyncio.sleep(_IDLE_SECONDS)
                before = self._loop.time() - _IDLE_SECONDS
                for wire in [wire for wire in self._idle if wire.since <= before]:
                    self._idle.remove(wire)
                    wire.close()
        except BaseException:  # what busy connections are in the middle of, nobody knows
            _fail([job for jobs in self._busy.values() for job in jobs], _stopped())
            for waiting in (self._ready, *self._behind.values()):
                _fail(waiting, _stopped())
            self._ready.clear()
            self._behind.clear()
            self.abandon()
            raise


def _stopped() -> StoreError:
    return StoreError("the event loop stopped before the session database answered")


def _fail(jobs: Iterable[Job], error: StoreError) -> None:
    """Answer those that have no answer yet, each with an error of its own."""
    for job in jobs:
        if not job.answer.done():
            failure = copy(error)
            failure.__cause__ = error.__cause__
            job.answer.set_exception(failure)
