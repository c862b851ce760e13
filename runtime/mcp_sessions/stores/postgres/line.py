"""The connections of one event loop, and who waits for them.

Each connection has a task that takes what is waiting and sends it together: in a pipeline, each call a transaction of
its own. So callers that come at once share the way to the server, and a caller that gives up leaves its call to be
done. Calls of one family (a transport session and its children, or any one session) stay in their order, and hold
only one connection: they would wait for each other in the database too.
"""

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, cast

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.postgres import errors
from mcp_sessions.stores.postgres.calls import Call, Family, Row
from mcp_sessions.stores.postgres.database import Database
from mcp_sessions.stores.postgres.wire import Refusal, Statement, Wire

_BATCH: Final = 64
"""How many calls are sent together at most."""

_IDLE_SECONDS: Final = 60.0
"""After how long a connection that nobody needed is closed."""

_CANCEL_SECONDS: Final = 2.0
"""How long the server has to give up on a call, before the connection is cut."""


@dataclass(eq=False, slots=True)
class _Job:
    statement: Statement
    family: Family | None
    answer: "asyncio.Future[list[Row]]"
    submitted: float


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
        self._ready: deque[_Job] = deque()
        self._behind: dict[Family, deque[_Job]] = {}
        self._idle: deque[asyncio.Future[bool]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._wires: set[Wire] = set()
        self._watches: set[asyncio.Task[None]] = set()
        self._closing = False

    def submit(self, call: Call) -> "asyncio.Future[list[Row]]":
        """Accept a call; the future has its rows."""
        family = call.family
        job = _Job(self._database.statement(call), family, self._loop.create_future(), self._loop.time())
        if family is not None:
            if family in self._behind:
                self._behind[family].append(job)
                return job.answer
            self._behind[family] = deque()
        self._ready.append(job)
        self._call_worker()
        return job.answer

    async def close(self) -> None:
        """Finish what was accepted, and close the connections."""
        self._closing = True
        for sleeper in self._idle:
            _wake(sleeper, True)
        while self._workers or self._watches:
            await asyncio.wait(self._workers | self._watches)

    def abandon(self) -> None:
        """Close the connections of a loop that does not run any more."""
        for wire in self._wires:
            wire.close()
        self._wires.clear()

    def _call_worker(self) -> None:
        if self._idle:
            _wake(self._idle.pop(), True)  # the one that has slept least: others may sleep until they are closed
        elif len(self._workers) < self._connections:
            self._workers.add(self._loop.create_task(self._work()))

    async def _work(self) -> None:
        """Be the task of one connection: until there is nothing to do for a while."""
        wire: Wire | None = None
        try:
            while await self._is_there_work():
                taken = self._take()
                jobs = [job for job in taken if self._is_wanted(job)]
                try:
                    if jobs:
                        wire = await self._connected(wire)
                        wire = await self._perform(wire, jobs)
                except Exception as error:
                    self._drop(wire)
                    wire = None
                    _fail(jobs, error if isinstance(error, StoreError) else self._database.lost(error))
                except BaseException:  # the loop stops: what the connection is in the middle of, nobody knows
                    _fail(jobs, StoreError("the event loop stopped before the session database answered"))
                    raise
                finally:
                    self._release(taken)
        finally:
            self._workers.discard(cast("asyncio.Task[None]", asyncio.current_task()))  # from now on it takes no work
            self._drop(wire)

    async def _is_there_work(self) -> bool:
        while not self._ready:
            if self._closing:
                return False
            sleeper = self._loop.create_future()
            self._idle.append(sleeper)
            timer = self._loop.call_later(_IDLE_SECONDS, _wake, sleeper, False)
            try:
                if not await sleeper and not self._ready:  # work may have come in just then
                    return False
            finally:
                timer.cancel()
                with suppress(ValueError):
                    self._idle.remove(sleeper)
        return True

    def _take(self) -> list[_Job]:
        """Take what is to be sent together: a fair part of what is waiting, and what waits behind it."""
        if self._ready[0].family is None:  # a look at many sessions: nobody is to wait for the end of it
            return [self._ready.popleft()]
        fair = -(-len(self._ready) // self._connections)
        jobs: list[_Job] = []
        while self._ready and fair > 0 and len(jobs) < _BATCH and self._ready[0].family is not None:
            fair -= 1
            job = self._ready.popleft()
            jobs.append(job)
            behind = self._behind[cast(Family, job.family)]
            while behind and len(jobs) < _BATCH:
                jobs.append(behind.popleft())
        return jobs

    def _release(self, taken: list[_Job]) -> None:
        """Let those come forward who waited behind what has been done."""
        for family in {job.family for job in taken if job.family is not None}:
            behind = self._behind[family]
            while behind and behind[0].answer.done():  # whoever gave up
                behind.popleft()
            if behind:
                self._ready.append(behind.popleft())
                self._call_worker()
            else:
                del self._behind[family]

    def _is_wanted(self, job: _Job) -> bool:
        """Tell whether a call is to be made: not for those who gave up, or who have waited for too long."""
        if job.answer.done():
            return False
        if self._loop.time() - job.submitted > self._timeout:
            job.answer.set_exception(errors.too_busy(self._timeout))
            return False
        return True

    async def _connected(self, wire: Wire | None) -> Wire:
        """Return a connection that is good as far as can be seen from here: a new one, if need be."""
        if wire is not None and self._database.is_prepared and wire.is_alive():
            return wire
        self._drop(wire)
        made = Wire(await self._database.connect())
        self._wires.add(made)
        return made

    def _drop(self, wire: Wire | None) -> None:
        if wire is not None:
            wire.close()
            self._wires.discard(wire)

    async def _perform(self, wire: Wire, jobs: list[_Job]) -> Wire | None:
        """Make calls and answer them; return the connection if it can be used again."""
        late: list[asyncio.Task[None]] = []
        timer = self._loop.call_later(self._timeout, self._interrupt, wire, late)
        lost: Exception | None = None
        try:
            await wire.exchange([job.statement for job in jobs])
        except Exception as error:
            lost = error
        finally:
            timer.cancel()
        for job, answer in zip(jobs, wire.answers, strict=False):
            if isinstance(answer, Refusal):
                _fail([job], errors.too_slow(self._timeout) if late else self._database.refused(answer))
            elif not job.answer.done():
                job.answer.set_result(answer)
        if lost is not None:
            _fail(jobs, errors.too_slow(self._timeout) if late else self._database.lost(lost))
        elif not late:
            return wire
        self._drop(wire)  # also where the server was asked to give up: it might do so with the next call
        return None

    def _interrupt(self, wire: Wire, late: list[asyncio.Task[None]]) -> None:
        """End a call that takes too long."""
        watch = self._loop.create_task(wire.interrupt(_CANCEL_SECONDS))
        late.append(watch)
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)


def _wake(sleeper: "asyncio.Future[bool]", is_needed: bool) -> None:
    if not sleeper.done():
        sleeper.set_result(is_needed)


def _fail(jobs: list[_Job], error: StoreError) -> None:
    """Answer those that have no answer yet, each with an error of its own."""
    for job in jobs:
        if not job.answer.done():
            failure = type(error)(*error.args)
            failure.__cause__ = error.__cause__
            job.answer.set_exception(failure)
