"""What docs/testing.md shows is one project: its tests pass, on each store that it names."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.stores.postgres_server import postgres_server
from tests.stores.valkey_server import running

from mcp_sessions.testing import FakeClock, MakeSession, RecordedSessions, SessionCall

MY_STORE = "from mcp_sessions.stores import MemoryStore\n\n\nclass MyStore(MemoryStore):\n    pass\n"

BEGIN = """
import asyncio
from mcp_sessions import open_store
from tools import CounterSession

async def begin():
    store = open_store("sqlite:///sessions.db")
    for owner in (None, "ann"):
        await CounterSession.create(store, owner=owner)
    await store.aclose()

asyncio.run(begin())
"""


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs/testing.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project(page: str, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the page shows, beside the compiled counter, and sessions that ``record.py`` has recorded."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(repository / "examples/state", folder / "state", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "my_store.py").write_text(MY_STORE)
    shown = re.findall(r"^```(?:python|toml|yaml)\n# (\S+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(shown) == len(re.findall("^```(?!console)[a-z]+$", page, re.MULTILINE)) == 15
    for name, content in shown:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    run(folder, "-c", BEGIN)
    run(folder, "record.py")
    assert len((folder / "tests/sessions.jsonl").read_text().splitlines()) == 3
    return folder


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """For the addresses of servers that the page names, those of real ones."""
    with running(tmp_path_factory.mktemp("valkey")) as valkey, postgres_server() as postgres:
        shown = {"valkey://127.0.0.1:6379": valkey.url.replace("redis", "valkey")}
        yield shown | {"postgresql://me@127.0.0.1/test": postgres.url, "sqlite:///sessions.db": "sqlite:///sessions.db"}


def run(folder: Path, *arguments: str) -> str:
    line = [sys.executable, "-W", "error", *arguments]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_all_tests_of_the_page_pass(project: Path) -> None:
    printed = run(project, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider")
    assert int(re.findall(r"(\d+) passed", printed)[0]) > 220


def test_each_command_runs_them_on_the_store_that_it_names(project: Path, page: str, servers: dict[str, str]) -> None:
    commands = re.findall(r"^\$ python -m pytest --session-store (\S+)$", page, re.MULTILINE)
    workflow = yaml.safe_load((project / ".github/workflows/test.yml").read_text())
    steps = [step["run"] for step in workflow["jobs"]["test"]["steps"] if "run" in step]
    assert steps[-2:] == ["python -m pytest", f"python -m pytest --session-store {commands[1]}"]
    assert len(commands) == 3
    for url in commands:
        chosen = ("--session-store", servers[url], "--ignore=tests/test_my_store.py")
        printed = run(project, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", *chosen)
        assert "session store: " in printed
        assert re.search(r"\b2\d passed", printed)


def test_the_test_with_types_has_the_right_ones(project: Path) -> None:
    assert "Success" in run(project, "-m", "mypy", "--strict", "tools.py", "tests/test_sync.py", "record.py")


def test_the_page_names_every_fixture(page: str, pytestconfig: pytest.Config) -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", page, re.MULTILINE))
    kinds = [FakeClock, MakeSession, RecordedSessions, SessionCall]
    assert {rows.pop("session_store")} == {"Store"}
    assert set(rows) == {"make_session", "session_clock", "session_call", "recorded_sessions"}
    assert sorted(rows.values()) == sorted(kind.__name__ for kind in kinds)
