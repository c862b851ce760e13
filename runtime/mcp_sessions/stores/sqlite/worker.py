"""The thread that works on the SQLite file: one operation after the other, neighbours in one transaction.

Committing costs far more than an operation does, so whatever has queued up meanwhile is committed together; the
answers go out after the commit, to each event loop at once: waking it costs more than an operation too. The thread is a
daemon: a process that forgets to close its store still exits.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple, TypeAlias

from mcp_sessions.errors import SessionError, StoreError
from mcp_sessions.stores import rows
from mcp_sessions.stores.forking import pause_at_fork
from mcp_sessions.stores.rowstore import Result
from mcp_sessions.stores.sqlite.file import SQLiteFile, explain, is_busy
from mcp_sessions.stores.sqlite.rows import SQLiteRows, WriteNeededError
from mcp_sessions.stores.terms import GRACE_SECONDS, Clock, NotLiveError, OtherVersionError, SessionExistsError

_log: Final = logging.getLogger("mcp_sessions")

_BATCH: Final = 128
"""How many operations share a commit at most."""

_TRUST_SECONDS: Final = 0.01
"""For how long readers, who have nothing to lose, believe that the file is in place."""

_SWEEP_SECONDS: Final = 60.0
_SWEEP_LIMIT: Final = 50

_REFUSALS: Final = (SessionError, NotLiveError, OtherVersionError, SessionExistsError)
"""What an operation raises before it has changed anything."""


SQLiteOperation: TypeAlias = Callable[[SQLiteRows, float], Result]
"""An operation that may know what is SQLite's own."""


class _Job(NamedTuple):
    operation: SQLiteOperation[Any]
    writes: bool
    single: bool = False
    future: "asyncio.Future[Any] | None" = None


class _Outcome(NamedTuple):
    result: Any = None
    error: Exception | None = None


class SQLiteWorker:
    """Performs operations on a file in a thread of its own, which starts with the first one."""

    def __init__(self, file: SQLiteFile, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._accepting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed: Future[None] | None = None
        self._working = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        pause_at_fork(self)

    def submit(
        self, operation: SQLiteOperation[Result], *, writes: bool, single: bool = False
    ) -> "asyncio.Future[Result]":
        """Accept an operation of the running event loop; they are performed in the order of their submission.

        One that is ``single`` needs no transaction: what it learns from one statement, it learns from no other.

        Raises:
            StoreError: If the worker has been closed.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        with self._accepting:
            if self._closed is not None:
                raise StoreError("the session store is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mcp-sessions-sqlite", daemon=True)
                self._thread.start()
            self._queue.put(_Job(operation, writes, single, future))
        return future

    def close(self) -> "Future[None]":
        """Accept nothing more; the future is done when what was accepted is, and the file is closed."""
        with self._accepting:
            if self._closed is None:
                self._closed = Future()
                self._closed.set_running_or_notify_cancel()
                if self._thread is None:
                    self._closed.set_result(None)
                self._queue.put(None)
            return self._closed

    def join(self) -> None:
        """Wait for the thread to end, which after ``close`` takes no time."""
        if self._thread is not None:
            self._thread.join()

    def pause(self) -> None:
        """Wait for the end of the current transaction, close the file and leave it alone until ``resume``."""
        self._working.acquire()
        self._disconnect()

    def resume(self) -> None:
        """Go on after ``pause``."""
        self._working.release()

    def _run(self) -> None:
        sweep_at = time.monotonic() + _SWEEP_SECONDS
        stopping = False
        while not stopping:
            jobs, stopping = self._take(sweep_at - time.monotonic())
            with self._working:
                if jobs:
                    _answer(jobs, self._outcomes(jobs))
                if time.monotonic() >= sweep_at and not stopping:
                    sweep_at = time.monotonic() + self._sweep()
            del jobs
        try:
            with self._working:
                self._disconnect()
        finally:
            self.close().set_result(None)

    def _take(self, patience: float) -> tuple[list[_Job], bool]:
        """Wait for work; return it, and whether the worker is to stop after it."""
        jobs: list[_Job] = []
        try:
            job = self._queue.get(timeout=max(patience, 0.0))
        except Empty:
            return jobs, False
        while job is not None:
            if job.future is None or not job.future.cancelled():
                jobs.append(job)
            if len(jobs) == _BATCH or self._queue.empty():
                return jobs, False
            job = self._queue.get_nowait()
        return jobs, True

    def _outcomes(self, jobs: list[_Job]) -> list[_Outcome]:
        """Perform jobs; each of them has an outcome, whatever happens."""
        try:
            return self._commit(jobs)
        except Exception as error:
            if len(jobs) > 1 and not is_busy(error):
                return [outcome for job in jobs for outcome in self._outcomes([job])]
            return [_Outcome(error=_failure(error)) for _ in jobs]

    def _sweep(self) -> float:
        """Remove what has expired; return after how many seconds to do so again."""
        job = _Job(lambda table, now: rows.purge(table, now - GRACE_SECONDS, _SWEEP_LIMIT), writes=False)
        (outcome,) = self._outcomes([job])
        if outcome.error is not None:
            _log.warning("sweeping expired sessions failed: %s", outcome.error)
            return _SWEEP_SECONDS
        _, is_more = outcome.result
        return 0.1 if is_more else _SWEEP_SECONDS

    def _commit(self, jobs: list[_Job]) -> list[_Outcome]:
        """Perform jobs in one transaction; reads do not wait for writers."""
        try:
            if not any(job.writes for job in jobs):
                try:
                    return self._read(jobs)
                except WriteNeededError:
                    pass
            self._file.check_in_place()
            return self._transact(jobs, writable=True)
        except sqlite3.Error as error:
            if not is_busy(error):
                self._disconnect()
            raise

    def _read(self, jobs: list[_Job]) -> list[_Outcome]:
        self._file.check_in_place(_TRUST_SECONDS)
        if len(jobs) == 1 and jobs[0].single:
            return [self._perform(SQLiteRows(self._connected(), False), jobs[0])]
        return self._transact(jobs, writable=False)

    def _transact(self, jobs: list[_Job], *, writable: bool) -> list[_Outcome]:
        connection = self._connected()
        connection.execute("BEGIN IMMEDIATE" if writable else "BEGIN")
        with connection:
            table = SQLiteRows(connection, writable)
            return [self._perform(table, job) for job in jobs]

    def _perform(self, table: SQLiteRows, job: _Job) -> _Outcome:
        try:
            return _Outcome(job.operation(table, self._clock()))
        except _REFUSALS as error:
            return _Outcome(error=error)

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._file.check_in_place()
            self._connection = self._file.connect()
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _answer(jobs: list[_Job], outcomes: list[_Outcome]) -> None:
    """Hand the outcomes over, all those of one event loop at once."""
    waiting: defaultdict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], _Outcome]]] = defaultdict(list)
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.future is not None:
            waiting[job.future.get_loop()].append((job.future, outcome))
    for loop, answers in waiting.items():
        with suppress(RuntimeError):  # it is closed: nobody there waits any more
            loop.call_soon_threadsafe(_settle, answers)


def _settle(answers: list[tuple["asyncio.Future[Any]", _Outcome]]) -> None:
    """Give each caller the answer, but for those that have given up."""
    for future, (result, error) in answers:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


def _failure(error: Exception) -> Exception:
    if not isinstance(error, sqlite3.Error):
        return error
    failure = StoreError(f"the session database failed: {explain(error)}")
    failure.__cause__ = error
    return failure
