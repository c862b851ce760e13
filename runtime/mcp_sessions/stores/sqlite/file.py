"""The SQLite file: how it is created, opened, recognised and brought up to date, and what its errors mean."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from math import inf
from pathlib import Path
from typing import Final, cast

from mcp_sessions.errors import StoreError, StoreUrlError

APPLICATION_ID: Final = 0x6D637073
"""Marks a SQLite file as ours: "mcps"."""

_COUNTED: Final = "{0}state = 0 AND ({0}space <> 'transport' OR {0}schema = '')"
"""Which rows are sessions that limits speak of: those that live, except children."""

_STEPS: Final = (
    (
        """CREATE TABLE sessions (
            space TEXT NOT NULL, id TEXT NOT NULL, schema TEXT NOT NULL,
            version INTEGER NOT NULL, digest TEXT NOT NULL, owner TEXT,
            created REAL NOT NULL, expires REAL NOT NULL, idle REAL NOT NULL, max_at REAL, state INTEGER NOT NULL,
            PRIMARY KEY (space, id, schema)
        ) WITHOUT ROWID""",
        "CREATE INDEX sessions_due ON sessions (state, expires)",
        """CREATE TABLE session_values (
            space TEXT NOT NULL, id TEXT NOT NULL, schema TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
            PRIMARY KEY (space, id, schema, key)
        ) WITHOUT ROWID""",
        f"PRAGMA application_id = {APPLICATION_ID}",
    ),
    (
        "ALTER TABLE session_values ADD COLUMN until REAL",
        "CREATE INDEX session_values_until ON session_values (until) WHERE until IS NOT NULL",
    ),
    (
        "ALTER TABLE sessions ADD COLUMN size INTEGER NOT NULL DEFAULT 0",
        """UPDATE sessions SET size = (
            SELECT coalesce(sum(length(CAST(key AS BLOB)) + length(value)), 0) FROM session_values AS v
            WHERE v.space = sessions.space AND v.id = sessions.id AND v.schema = sessions.schema)""",
        "CREATE INDEX sessions_owner ON sessions (owner, space, id, schema) WHERE state = 0",
        "CREATE TABLE session_count (live INTEGER NOT NULL)",
        f"INSERT INTO session_count SELECT count(*) FROM sessions WHERE {_COUNTED.format('')}",
        f"""CREATE TRIGGER session_begins AFTER INSERT ON sessions WHEN {_COUNTED.format("new.")}
            BEGIN UPDATE session_count SET live = live + 1; END""",
        f"""CREATE TRIGGER session_is_forgotten AFTER DELETE ON sessions WHEN {_COUNTED.format("old.")}
            BEGIN UPDATE session_count SET live = live - 1; END""",
        f"""CREATE TRIGGER session_changes AFTER UPDATE OF state ON sessions WHEN new.state <> old.state
            BEGIN UPDATE session_count SET live =
                live + ({_COUNTED.format("new.")}) - ({_COUNTED.format("old.")}); END""",
    ),
    ("ALTER TABLE sessions ADD COLUMN since INTEGER NOT NULL DEFAULT 0",),
    (
        # In a table without row ids, SQLite reads a large value whole to compare its key with another one.
        "ALTER TABLE session_values RENAME TO former_values",
        """CREATE TABLE session_values (
            space TEXT NOT NULL, id TEXT NOT NULL, schema TEXT NOT NULL, key TEXT NOT NULL,
            until REAL, value BLOB NOT NULL,
            PRIMARY KEY (space, id, schema, key)
        )""",
        """INSERT INTO session_values (space, id, schema, key, until, value)
            SELECT space, id, schema, key, until, value FROM former_values""",
        "DROP TABLE former_values",
        "CREATE INDEX session_values_until ON session_values (until) WHERE until IS NOT NULL",
    ),
)
"""What makes each format out of the one before; a new file takes all of the steps."""

FORMAT: Final = len(_STEPS)
"""The version of the tables; a file says in ``user_version`` which one it has."""


class SQLiteFile:
    """One database file, which is created and checked at once, so that what is wrong with it shows at start.

    Args:
        path: Where it is; its folder must exist.
        synchronous: SQLite's pragma of that name.
        patience: Seconds to wait for other processes.

    Raises:
        StoreUrlError: If it cannot be created, opened or written, or is no file of ours.
    """

    def __init__(self, path: Path, synchronous: str, patience: float) -> None:
        self.path = path.absolute()
        self._synchronous = synchronous
        self._patience = patience
        self._seen = -inf
        try:
            self._create()
            with self._opened() as connection:
                self._prepare(connection)
            self._identity = self._look()
        except (OSError, ValueError, sqlite3.Error) as error:
            if isinstance(error, StoreError):
                raise
            raise StoreUrlError(f"cannot open the session database {path}: {explain(error)}") from error

    def connect(self) -> sqlite3.Connection:
        """Return a new connection, for one thread at a time.

        Raises:
            sqlite3.Error: If it cannot be opened.
        """
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode=rw",
            uri=True,
            timeout=self._patience,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def check_in_place(self, within: float = 0.0) -> None:
        """Make sure that the file is still the one that was opened: what is written to another one is lost.

        Args:
            within: A look that was taken at most so many seconds ago will do.

        Raises:
            StoreError: If it is not.
        """
        now = time.monotonic()
        if now - self._seen < within:
            return
        self._seen = -inf
        try:
            in_place = self._look() == self._identity
        except OSError:
            in_place = False
        if not in_place:
            raise StoreError(
                "the session database was removed or replaced while in use; put it back, or restart the server"
            )
        self._seen = now

    def _look(self) -> tuple[int, int]:
        status = self.path.stat()
        return status.st_dev, status.st_ino

    def _create(self) -> None:
        """Create the file for its owner alone; SQLite gives its companions (-wal, -shm) the same permissions.

        A file that exists must not even be opened here: closing it again would release the locks that other
        connections of this process hold on it.
        """
        if self.path.is_dir():
            raise IsADirectoryError("it is a folder")
        if not self.path.parent.is_dir():
            raise FileNotFoundError("its folder does not exist")
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        connection = self.connect()
        try:
            yield connection
        finally:
            connection.close()

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN")  # what another process creates meanwhile is seen whole, or not at all
        with connection:
            self._format(connection)
        self._switch_to_wal(connection)
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            missing = _STEPS[self._format(connection) :]
            for statement in chain.from_iterable(missing):
                connection.execute(statement)
            if missing:
                connection.execute(f"PRAGMA user_version = {FORMAT}")

    def _format(self, connection: sqlite3.Connection) -> int:
        """Return a file's format, 0 for a new file; others are refused before anything in them is changed."""
        application = _number(connection, "PRAGMA application_id")
        version = _number(connection, "PRAGMA user_version")
        if application == version == 0 and _number(connection, "SELECT count(*) FROM sqlite_schema") == 0:
            return 0
        if application != APPLICATION_ID:
            raise StoreUrlError(f"{self.path} is a SQLite database of something else; choose another file")
        if not 1 <= version <= FORMAT:
            raise StoreUrlError(
                f"{self.path} has format {version}, and this version of mcp-sessiongen reads formats up to {FORMAT}: "
                f"use the version that wrote it, or another file"
            )
        return version

    def _switch_to_wal(self, connection: sqlite3.Connection) -> None:
        """Switch once and for all; SQLite's own waiting does not cover several processes doing it at once."""
        deadline = time.monotonic() + self._patience
        while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)


def is_busy(error: BaseException) -> bool:
    """Tell whether others hold the file, and waiting for them was in vain."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def explain(error: Exception) -> str:
    """Return in plain words what SQLite or the operating system has to say, without naming the file."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return _WORDS.get(_code(error), str(error))


def _code(error: BaseException) -> int:
    """Return the primary result code: the low byte of the extended one."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


_WORDS: Final = {
    sqlite3.SQLITE_BUSY: "it is busy: another process held it for too long",
    sqlite3.SQLITE_LOCKED: "it is busy: another connection held it for too long",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_PERM: "permission denied",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_NOTADB: "it is not a SQLite database",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened or its folder cannot be written",
    sqlite3.SQLITE_IOERR: "reading or writing the disk failed",
    sqlite3.SQLITE_TOOBIG: "a value is too large",
}


def _number(connection: sqlite3.Connection, query: str) -> int:
    return cast(int, connection.execute(query).fetchone()[0])
