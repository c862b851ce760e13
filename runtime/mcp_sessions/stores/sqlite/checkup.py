"""How a SQLite file is doing: who may read it, and whether it is whole."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.checkup import Checkup, Remark
from mcp_sessions.stores.sqlite.file import FORMAT, SQLiteFile, explain


def inspect(file: SQLiteFile) -> Checkup:
    """Look at a file; it takes as long as reading it does.

    Raises:
        StoreError: If that is impossible.
    """
    try:
        with closing(file.connect()) as connection:
            remarks = (*_of_permissions(file), *_of_contents(connection))
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"cannot look at the session database: {explain(error)}") from error
    return Checkup(f"SQLite {sqlite3.sqlite_version}", None, remarks)


def _of_permissions(file: SQLiteFile) -> Iterator[Remark]:
    mode = stat.S_IMODE(file.path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        advice = "it has the ids of all sessions: chmod 600, its -wal and -shm too"
        yield Remark("permissions", "warning", f"others may read the file (mode {mode:04o})", advice)
    else:
        yield Remark("permissions", "ok", f"the file is its owner's alone (mode {mode:04o})")


def _of_contents(connection: sqlite3.Connection) -> Iterator[Remark]:
    def ask(pragma: str) -> object:
        return connection.execute(f"PRAGMA {pragma}").fetchone()[0]

    damage = ask("quick_check(1)")
    if damage == "ok":
        yield Remark("integrity", "ok", f"the file is whole, of format {ask('user_version')} (of {FORMAT})")
    else:
        advice = "export what can be read, and import it into a new file; look at the disk"
        yield Remark("integrity", "error", f"the file is damaged: {damage}", advice)
    journal = ask("journal_mode")
    if journal == "wal":
        yield Remark("journal", "ok", "it is in WAL mode: readers and a writer do not wait for each other")
    else:
        advice = "something else has opened it; restart the servers, which switch it back"
        yield Remark("journal", "warning", f"it is in {journal} mode, not in WAL mode", advice)
