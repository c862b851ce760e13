"""The example server in processes of its own, on real sockets and a real SQLite file."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Process:
    """One example server over HTTP."""

    def __init__(self, database: Path, port: int = 0) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self.log = database.with_name(f"server-{self.port}.log")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command(database), cwd=EXAMPLES, stdout=log, stderr=log)
        self._wait()

    def command(self, database: Path) -> list[str]:
        """Return what is to be started."""
        return [sys.executable, "server.py", "--http", "--port", str(self.port), "--store", f"sqlite:///{database}"]

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError(f"the server did not start:\n{self.log.read_text()}") from None
                time.sleep(0.05)

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End the process and wait until it is gone."""
        if self._process.poll() is None:
            os.kill(self._process.pid, how)
        self._process.wait(timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def start(database: Path) -> Iterator[Callable[..., Any]]:
    """Start servers on one database; they are stopped after the test."""
    started: list[Process] = []

    def begin(port: int = 0) -> Process:
        started.append(Process(database, port))
        return started[-1]

    yield begin
    for process in started:
        process.stop()
    for process in started:
        log = process.log.read_text()
        assert "Traceback" not in log, log
