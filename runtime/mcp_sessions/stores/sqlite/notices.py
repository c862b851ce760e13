"""Notices by a second SQLite file beside the first, at which each process that listens looks ten times a second.

SQLite can wake nobody. What is looked at is ``PRAGMA data_version``, some millionths of a second, and only where that
has changed the messages; the file is another one so that neither looks nor messages get in the way of sessions.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncGenerator, Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.forking import pause_at_fork
from mcp_sessions.stores.sqlite.file import explain

T = TypeVar("T")

LOOK_SECONDS: Final = 0.1
"""How often a process that listens looks."""

_KEPT: Final = 500
"""How many messages are kept; who has not looked for longer than that has missed some."""

_PATIENCE_SECONDS: Final = 2.0

_TABLE: Final = "CREATE TABLE IF NOT EXISTS notices (number INTEGER PRIMARY KEY AUTOINCREMENT, message BLOB NOT NULL)"

_AFTER: Final = "SELECT number, message FROM notices WHERE number > ? ORDER BY number"


class SQLiteNotices:
    """A channel among the processes that have a file open; see ``Notices``.

    Args:
        path: The file of the sessions; that of the messages has ``-notices`` at its end.
        every: Seconds between two looks.
    """

    def __init__(self, path: Path, *, every: float = LOOK_SECONDS) -> None:
        self._path = path.with_name(f"{path.name}-notices")
        self._every = every
        self._here: dict[int, _File] = {}

    async def publish(self, message: bytes) -> None:
        """See ``Notices.publish``."""
        await self._do(partial(_File.put, message=message))

    async def listen(self) -> AsyncGenerator[bytes | None, None]:
        """See ``Notices.listen``."""
        place = await self._do(_File.end)
        yield None
        while True:
            await asyncio.sleep(self._every)
            place, found = await self._do(partial(_File.after, place=place))
            for message in found:
                yield message

    async def aclose(self) -> None:
        """See ``Notices.aclose``."""
        file = self._here.pop(os.getpid(), None)
        if file is not None:
            await asyncio.to_thread(file.close)

    async def _do(self, work: "Callable[[_File], T]") -> T:
        """Have work done in a thread, by this process's own connection."""
        file = self._here.setdefault(os.getpid(), _File(self._path))
        try:
            return await asyncio.to_thread(file.perform, work)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{self._path.name}, by which processes tell of changes, failed: {_why(error)}") from error


class _Version(NamedTuple):
    """How often the file was opened, this connection sent something, and others did."""

    opened: int
    sent: int
    data: int


class _Place(NamedTuple):
    """How far a listener has come: the number of the last message, and what it saw then."""

    number: int
    version: _Version


class _File:
    """One process's connection to the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._working = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)
        self._opened = 0
        self._sent = 0
        pause_at_fork(self)

    def perform(self, work: "Callable[[_File], T]") -> T:
        """Do work by the connection, which is closed when it fails."""
        with self._working:
            try:
                self._connect()
                return work(self)
            except BaseException:
                self._disconnect()
                raise

    def put(self, message: bytes) -> None:
        """Add a message, and remove those that have been there for long."""
        self._sent += 1
        connection = self._connected
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            number = connection.execute("INSERT INTO notices (message) VALUES (?)", (message,)).lastrowid or 0
            connection.execute("DELETE FROM notices WHERE number <= ?", (number - _KEPT,))

    def end(self) -> _Place:
        """Return the place after the newest message."""
        version = self._seen()
        found = self._connected.execute("SELECT seq FROM sqlite_sequence WHERE name = 'notices'").fetchone()
        return _Place(int(found[0]) if found else 0, version)

    def after(self, place: _Place) -> tuple[_Place, list[bytes | None]]:
        """Return the messages after a place, with None where there may have been others, and the place after those."""
        version = self._seen()
        if version == place.version:
            return place, []
        if version.opened != place.version.opened:
            return self.end(), [None]
        rows = self._connected.execute(_AFTER, (place.number,)).fetchall()
        missed: list[bytes | None] = [None] if rows and rows[0][0] > place.number + 1 else []
        return _Place(rows[-1][0] if rows else place.number, version), missed + [row[1] for row in rows]

    def _seen(self) -> _Version:
        """Return what changes whenever there may be another message; SQLite's pragma does for those of others."""
        return _Version(self._opened, self._sent, self._connected.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        with self._working:
            self._disconnect()

    def pause(self) -> None:
        """Close the file before a fork; see ``forking``."""
        self._working.acquire()
        self._disconnect()

    def resume(self) -> None:
        """Go on after a fork."""
        self._working.release()

    @property
    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.OperationalError("it is not open")
        return self._connection

    def _connect(self) -> None:
        """Open the file, anew if it is another one than before: what is written to the old one nobody hears."""
        try:
            identity = self._look()
        except FileNotFoundError:
            identity = (0, 0)
        if self._connection is not None and identity == self._identity:
            return
        self._disconnect()
        if identity == (0, 0):
            _create(self._path)
        connection = sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw",
            uri=True,
            timeout=_PATIENCE_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        self._connection = connection
        connection.execute("PRAGMA synchronous = OFF")  # nobody listens any more after the death of the machine
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            connection.execute(_TABLE)
        self._opened += 1
        self._identity = self._look()

    def _look(self) -> tuple[int, int]:
        status = self._path.stat()
        return status.st_dev, status.st_ino

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _create(path: Path) -> None:
    """Create the file for its owner alone, as that of the sessions is."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return


def _why(error: Exception) -> str:
    return f"{explain(error)}. It can be removed at any time, and is made anew."
