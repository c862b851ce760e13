"""The connections of one event loop, and who waits for them.

Each connection has a task that takes what is waiting and sends it together: in a pipeline, each call a transaction of
its own. So callers that come at once share the way to the server, and a caller that gives up leaves its call to be
done. Calls of one family (a transport session and its children, or any one session) stay in their order, and hold
only one connection: they would wait for each other in the database too.
"""

import asyncio
import os
import socket
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import psycopg

from mcp_sessions.errors import StoreError
from mcp_sessions.stores import postgres_errors
from mcp_sessions.stores.postgres_calls import Call, Family, Row
from mcp_sessions.stores.postgres_database import Database
from mcp_sessions.stores.postgres_schema import Connection

Cursor: TypeAlias = psycopg.AsyncCursor[tuple[Any, ...]]

_BATCH: Final = 64
"""How many calls are sent together at most."""

_IDLE_SECONDS: Final = 60.0
"""After how long a connection that nobody needed is closed."""

_CANCEL_SECONDS: Final = 2.0
"""How long the server has to give up on a call, before the connection is cut."""


@dataclass(eq=False, slots=True)
class _Job:
    call: Call
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
        self._open: set[Connection] = set()
        self._watches: set[asyncio.Task[None]] = set()
        self._closing = False

    def submit(self, call: Call) -> "asyncio.Future[list[Row]]":
        """Accept a call; the future has its rows."""
        job = _Job(call, self._loop.create_future(), self._loop.time())
        family = call.family
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
        for connection in self._open:
            connection.pgconn.finish()
        self._open.clear()

    def _call_worker(self) -> None:
        if self._idle:
            _wake(self._idle.pop(), True)  # the one that has slept least: others may sleep until they are closed
        elif len(self._workers) < self._connections:
            worker = self._loop.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        """Be the task of one connection: until there is nothing to do for a while."""
        connection: Connection | None = None
        try:
            while await self._is_there_work():
                taken = self._take()
                jobs = [job for job in taken if self._is_wanted(job)]
                try:
                    if jobs:
                        connection = await self._connected(connection)
                        connection = await self._perform(connection, jobs)
                except StoreError as error:
                    connection = None
                    _fail(jobs, error)
                finally:
                    self._release(taken)
        finally:
            self._drop(connection)

    async def _is_there_work(self) -> bool:
        while not self._ready:
            if self._closing:
                return False
            sleeper = self._loop.create_future()
            self._idle.append(sleeper)
            timer = self._loop.call_later(_IDLE_SECONDS, _wake, sleeper, False)
            try:
                if not await sleeper:
                    return False
            finally:
                timer.cancel()
                with suppress(ValueError):
                    self._idle.remove(sleeper)
        return True

    def _take(self) -> list[_Job]:
        """Take what is to be sent together: a fair part of what is waiting, and what waits behind it."""
        fair = -(-len(self._ready) // self._connections)
        jobs: list[_Job] = []
        while self._ready and fair > 0 and len(jobs) < _BATCH:
            fair -= 1
            job = self._ready.popleft()
            jobs.append(job)
            behind = self._behind[job.call.family] if job.call.family else None
            while behind and len(jobs) < _BATCH:
                jobs.append(behind.popleft())
        return jobs

    def _release(self, taken: list[_Job]) -> None:
        """Let those come forward who waited behind what has been done."""
        for family in {job.call.family for job in taken if job.call.family is not None}:
            behind = self._behind[family]
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
            job.answer.set_exception(postgres_errors.too_busy(self._timeout))
            return False
        return True

    async def _connected(self, connection: Connection | None) -> Connection:
        """Return a connection that is good as far as can be seen from here: a new one, if need be."""
        if connection is not None and _is_alive(connection):
            return connection
        self._drop(connection)
        made = await self._database.connect()
        self._open.add(made)
        return made

    def _drop(self, connection: Connection | None) -> None:
        if connection is not None:
            connection.pgconn.finish()
            self._open.discard(connection)

    async def _perform(self, connection: Connection, jobs: list[_Job]) -> Connection | None:
        """Make calls and answer them; return the connection if it can be used again."""
        deadline = _Deadline(connection, self._timeout, self._watches)
        error: Exception | None = None
        cursors: list[Cursor] = []
        try:
            await self._send(connection, jobs, cursors)
        except Exception as raised:
            error = raised
        except BaseException:  # the loop stops: what the connection is in the middle of, nobody knows
            self._drop(connection)
            raise
        finally:
            deadline.cancel()
        for job, cursor in zip(jobs, cursors, strict=False):
            if cursor.pgresult is not None and not job.answer.done():
                job.answer.set_result(await cursor.fetchall())
        if error is None:
            return connection
        _fail(jobs, postgres_errors.too_slow(self._timeout) if deadline.is_over else self._database.explain(error))
        if connection.pgconn.status == psycopg.pq.ConnStatus.OK and not postgres_errors.is_lost(error):
            return connection
        self._drop(connection)
        return None

    async def _send(self, connection: Connection, jobs: list[_Job], cursors: "list[Cursor]") -> None:
        if len(jobs) == 1 or not psycopg.Pipeline.is_supported():
            for job in jobs:
                cursors.append(connection.cursor(binary=True))
                await cursors[-1].execute(self._database.statement(job.call), job.call.arguments)
            return
        async with connection.pipeline() as pipeline:
            for job in jobs:
                cursors.append(connection.cursor(binary=True))
                await cursors[-1].execute(self._database.statement(job.call), job.call.arguments)
                await pipeline.sync()  # each call is a transaction of its own


class _Deadline:
    """Ends a call that takes too long: asks the server to give up and, if that does not help, cuts the connection."""

    def __init__(self, connection: Connection, seconds: float, watches: "set[asyncio.Task[None]]") -> None:
        self.is_over = False
        self._connection = connection
        self._watches = watches
        self._done = False
        self._timer = asyncio.get_running_loop().call_later(seconds, self._pass)

    def cancel(self) -> None:
        """Say that the answer is there."""
        self._done = True
        self._timer.cancel()

    def _pass(self) -> None:
        self.is_over = True
        watch = asyncio.get_running_loop().create_task(self._interrupt())
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)

    async def _interrupt(self) -> None:
        with suppress(psycopg.Error, OSError):
            await self._connection.cancel_safe(timeout=_CANCEL_SECONDS)
        for _ in range(20):
            if self._done:
                return
            await asyncio.sleep(_CANCEL_SECONDS / 20)
        with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as cut:
            cut.shutdown(socket.SHUT_RDWR)


def _is_alive(connection: Connection) -> bool:
    """Tell whether the server has not hung up, as far as is known here: what it said last is read, and then the end."""
    try:
        connection.pgconn.consume_input()
        connection.pgconn.consume_input()
    except psycopg.Error:
        return False
    return connection.pgconn.status == psycopg.pq.ConnStatus.OK


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
