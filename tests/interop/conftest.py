"""Two example servers on one SQLite file behind a proxy; the clients of others, installed once."""

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.interop.processes import Cluster, cluster, finish

WHAT = {
    "mcp-1": "the official Python client mcp 1",
    "fastmcp-4": "FastMCP 4's client",
    "node": "the TypeScript clients, the Inspector and the conformance suite",
}


@pytest.fixture(scope="module")
def two_processes(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two processes of the example server on one SQLite file; they must have had no trouble."""
    program = repository / "examples" / "server.py"
    arguments = (program, "--http", "--port", "{port}", "--store", "sqlite:///sessions.db")
    with cluster(tmp_path_factory.mktemp("cluster"), 2, *arguments) as running:
        yield running
    assert "Traceback" not in "".join(running.logs), "\n".join(running.logs)


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
            pytest.skip(f"NOT TESTED: {WHAT[part]}, for scripts/interop says: {failed[part]}")
        return home / part

    return installed


def _install(repository: Path, part: str) -> str:
    """Install, and return why it did not work."""
    code, _, errors = finish([repository / "scripts" / "interop", part], 240)
    return (" ".join(errors.split())[:300] or "nothing") if code else ""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Run a client without what the surroundings say about Python and its coverage; return what it printed."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}
    surroundings["HOME"] = str(tmp_path)

    def run(command: list[str | Path], said: str = "", code: int = 0) -> str:
        ended, output, errors = finish(command, 180, said, cwd=tmp_path, env=surroundings)
        assert ended == code, f"{command}:\n{output}{errors}"
        return output

    return run
