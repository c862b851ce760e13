"""Two example servers on one SQLite file behind a proxy, and the clients of others, installed once."""

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.interop.processes import Process

HERE = Path(__file__).parent
WHAT = {
    "mcp-1": "the official Python client mcp 1",
    "fastmcp-4": "FastMCP 4's client",
    "node": "the TypeScript clients, the Inspector and the conformance suite",
}


@dataclass(frozen=True)
class Cluster:
    """Servers behind one URL, each request to another one."""

    url: str
    proxy: str

    def seen(self) -> list[tuple[int, str, int]]:
        """Return what was asked so far: of which server, what, and the status of its answer."""
        return [(server, what, status) for server, what, status in httpx2.get(f"{self.proxy}/seen").json()]


@pytest.fixture(scope="module")
def cluster(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    program = repository / "examples" / "server.py"
    started: list[Process] = []
    try:
        for _ in range(2):
            started.append(Process(folder, program, "--http", "--port", "{port}", "--store", "sqlite:///sessions.db"))
        proxy = Process(folder, HERE / "proxy.py", "{port}", *(str(server.port) for server in started))
        started.append(proxy)
        yield Cluster(f"{proxy.url}/mcp", proxy.url)
    finally:
        logs = [process.stop() for process in reversed(started)]
    assert "Traceback" not in "".join(logs), "\n".join(logs)


@pytest.fixture(scope="session")
def installed(repository: Path) -> Callable[[str], Path]:
    """Return the folder of a part of ``scripts/interop``; skip, and say what is not tested, where it cannot be had."""
    failed: dict[str, str] = {}

    def installed(part: str) -> Path:
        home = repository / "build" / "interop"
        home.mkdir(parents=True, exist_ok=True)
        if part not in failed:
            with (home / f"{part}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # pytest's workers wait for the first of them
                failed[part] = _install(repository, part)
        if failed[part]:
            pytest.skip(f"NOT TESTED against our server: {WHAT[part]}, for scripts/interop says: {failed[part]}")
        return home / part

    return installed


def _install(repository: Path, part: str) -> str:
    """Install, and return why it did not work."""
    command = [repository / "scripts" / "interop", part]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240)
    except subprocess.TimeoutExpired:
        return "it took longer than 240 s"
    return " ".join(done.stderr.split())[-500:] or "no reason" if done.returncode else ""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Run a client without what the surroundings say about Python and its coverage; return what it printed."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}
    surroundings["HOME"] = str(tmp_path)

    def run(command: list[str | Path], said: str = "", **options: Any) -> str:
        done = subprocess.run(
            command, input=said, cwd=tmp_path, env=surroundings, capture_output=True, text=True, timeout=120
        )
        assert done.returncode in options.get("codes", (0,)), f"{command}:\n{done.stdout}{done.stderr}"
        return done.stdout

    return run
