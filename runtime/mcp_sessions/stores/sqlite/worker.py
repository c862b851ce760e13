"""The thread that works on the SQLite file: one operation after the other, neighbours in one transaction.

Committing costs far more than an operation does, so whatever has queued up meanwhile is committed together; the
answers go out after the commit. The thread is a daemon: a process that forgets to close its store still exits.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final

from mcp_sessions.errors import SessionError, StoreError
from mcp_sessions.stores import rows
from mcp_sessions.stores.forking import pause_at_fork
from mcp_sessions.stores.medium import Rows
from mcp_sessions.stores.rowstore import Operation, Result
from mcp_sessions.stores.sqlite.file import SQLiteFile, explain, is_busy
from mcp_sessions.stores.sqlite.rows import WriteNeededError, rows_in
from mcp_sessions.stores.terms import GRACE_SECONDS, Clock, NotLiveError, OtherVersionError, SessionExistsError

_log: Final = logging.getLogger("mcp_sessions")

_BATCH: Final = 128
"""How many operations share a commit at most."""

_SWEEP_SECONDS: Final = 60.0
_SWEEP_LIMIT: Final = 50

_REFUSALS: Final = (SessionError, NotLiveError, OtherVersionError, SessionExistsError)
"""What an operation raises before it has changed anything."""


@dataclass(eq=False, slots=True)
class _Job:
    operation: Operation[Any]
    writes: bool
    future: "Future[Any]" = field(default_factory=Future)


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

    def submit(self, operation: Operation[Result], *, writes: bool) -> "Future[Result]":
        """Accept an operation; they are performed in the order of their submission.

        Raises:
            StoreError: If the worker has been closed.
        """
        job = _Job(operation, writes)
        with self._accepting:
            if self._closed is not None:
                raise StoreError("the session store is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mcp-sessions-sqlite", daemon=True)
                self._thread.start()
            self._queue.put(job)
        return job.future

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
                    self._answer(jobs)
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
            while len(jobs) < _BATCH:
                job = self._queue.get_nowait() if jobs else self._queue.get(timeout=max(patience, 0.0))
                if job is None:
                    return jobs, True
                if job.future.set_running_or_notify_cancel():
                    jobs.append(job)
        except Empty:
            pass
        return jobs, False

    def _answer(self, jobs: list[_Job]) -> None:
        """Perform jobs, and answer each of them whatever happens."""
        try:
            answers = self._commit(jobs)
        except Exception as error:
            if len(jobs) > 1 and not is_busy(error):
                for job in jobs:
                    self._answer([job])
                return
            answers = [partial(job.future.set_exception, _failure(error)) for job in jobs]
        for answer in answers:
            answer()

    def _sweep(self) -> float:
        """Remove what has expired; return after how many seconds to do so again."""
        job = _Job(lambda table, now: rows.purge(table, now - GRACE_SECONDS, _SWEEP_LIMIT), writes=False)
        self._answer([job])
        error = job.future.exception()
        if error is not None:
            _log.warning("sweeping expired sessions failed: %s", error)
            return _SWEEP_SECONDS
        _, is_more = job.future.result()
        return 0.1 if is_more else _SWEEP_SECONDS

    def _commit(self, jobs: list[_Job]) -> list[Callable[[], None]]:
        """Perform jobs in one transaction and return the answers to give; reads do not wait for writers."""
        self._file.check_in_place()
        connection = self._connected()
        try:
            if not any(job.writes for job in jobs):
                try:
                    return self._transact(connection, jobs, writable=False)
                except WriteNeededError:
                    pass
            return self._transact(connection, jobs, writable=True)
        except sqlite3.Error as error:
            if not is_busy(error):
                self._disconnect()
            raise

    def _transact(
        self, connection: sqlite3.Connection, jobs: list[_Job], *, writable: bool
    ) -> list[Callable[[], None]]:
        connection.execute("BEGIN IMMEDIATE" if writable else "BEGIN")
        with connection:
            table = rows_in(connection, writable=writable)
            return [self._perform(table, job) for job in jobs]

    def _perform(self, table: Rows, job: _Job) -> Callable[[], None]:
        try:
            return partial(job.future.set_result, job.operation(table, self._clock()))
        except _REFUSALS as error:
            return partial(job.future.set_exception, error)

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._file.connect()
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _failure(error: Exception) -> Exception:
    if not isinstance(error, sqlite3.Error):
        return error
    failure = StoreError(f"the session database failed: {explain(error)}")
    failure.__cause__ = error
    return failure
