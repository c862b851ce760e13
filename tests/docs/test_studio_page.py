"""The page on the studio is true: what it prints, its options, its pictures, its policy."""

import asyncio
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from mcp_sessiongen.commands.studio import command
from mcp_sessiongen.studio.guard import FORM_BYTES, HEADERS
from mcp_sessiongen.studio.session import STATES
from mcp_sessions import UntypedSession
from mcp_sessions.stores import SQLiteStore

TOKEN = re.compile(r"token=[\w-]{43}\b")


@pytest.fixture(scope="module")
def text(repository: Path) -> str:
    return (repository / "docs/studio.md").read_text(encoding="utf-8")


def test_what_is_printed_is_what_is_shown(text: str, tmp_path: Path) -> None:
    [block] = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    line, _, shown = block.partition("\n")
    total = int(re.findall(r"(\d+) sessions", shown)[0])

    async def fill() -> None:
        store = SQLiteStore(tmp_path / "sessions.db")
        for _ in range(total):
            await UntypedSession.create(store)
        await store.aclose()

    asyncio.run(fill())
    arguments = [*line.removeprefix("$ mcp-sessiongen ").split(), "--port", "0"]
    printed = run_until(tmp_path, arguments, "Ctrl-C")
    port = re.findall(r"127\.0\.0\.1:(\d+)", printed)[0]
    assert TOKEN.sub("token=", printed).replace(port, "8765") == TOKEN.sub("token=", shown)


def run_until(folder: Path, arguments: list[str], last: str) -> str:
    """Run a command until it has said something, and end it as a person would."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "mcp_sessiongen", *arguments], cwd=folder, stdout=log)
    deadline = time.monotonic() + 60
    while last not in (folder / "log").read_text() and process.poll() is None and time.monotonic() < deadline:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    return (folder / "log").read_text()


def test_every_option_is_there(text: str) -> None:
    options = sorted(option for parameter in command.params for option in parameter.opts)
    assert sorted(re.findall(r"^\| `(--[a-z-]+)", text, re.MULTILINE)) == options
    port = next(parameter for parameter in command.params if parameter.name == "port")
    assert f"{port.default} if it is left out" in text


def test_every_state_of_a_key_is_explained(text: str) -> None:
    assert [state for state in (*STATES.values(), "default") if f"\n| {state} | " not in text] == []


def test_the_protection_is_as_it_is_described(text: str) -> None:
    assert f"`{HEADERS['content-security-policy']}`" in text
    assert HEADERS["cache-control"] == "no-store"
    assert f"up to {FORM_BYTES // 1024**2} MiB" in text


def test_pictures_are_there_and_small(text: str, repository: Path) -> None:
    shown = {repository / "docs" / path for path in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)}
    assert len(shown) == 4
    there = set((repository / "docs/images").glob("studio-*.png"))
    assert shown <= there
    assert [path.name for path in there if path.stat().st_size > 150_000] == []
