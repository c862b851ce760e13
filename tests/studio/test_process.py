"""The studio as a process: what it prints, what it refuses, and how it ends."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.studio.forms import forms_of

from mcp_sessions import UntypedSession
from mcp_sessions.stores import SQLiteStore
from mcp_sessions.stores.notices import notices_of
from mcp_sessions.stores.notices.board import Board, Kind, topic_of

MODULES = ("--module", "state.counter", "--module", "state.wizard")


@dataclass
class Process:
    """A studio that runs by itself, and what it has said on both streams."""

    popen: "subprocess.Popen[bytes]"
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def address(self) -> str:
        """Wait for the address that it prints."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.popen.poll() is None:
            if "Ctrl-C" in self.said:
                return re.findall(r"http://\S+", self.said)[0]
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(0.05)
        raise AssertionError(f"it did not start:\n{self.said}")

    def end(self, how: int = signal.SIGINT) -> int:
        """Tell it to end, and return its exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(how)
        return self.popen.wait(30)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A session database with one session."""
    path = tmp_path / "sessions.db"

    async def fill() -> None:
        store = SQLiteStore(path)
        await UntypedSession.create(store)
        await store.aclose()

    asyncio.run(fill())
    return path


@pytest.fixture
def studio(tmp_path: Path, database: Path, repository: Path) -> Iterator[Callable[..., Process]]:
    """Start studios on the database; they are ended after the test."""
    started: list[Process] = []

    def begin(*options: str, store: str | None = "sqlite:///sessions.db", **environment: str) -> Process:
        log = tmp_path / f"log{len(started)}"
        named = () if store is None else ("--store", store)
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", "mcp_sessiongen", "studio", *named, *options],
                cwd=tmp_path,
                env=os.environ | {"PYTHONPATH": str(repository / "examples")} | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        started.append(Process(popen, log))
        return started[-1]

    yield begin
    for one in started:
        one.end(signal.SIGKILL)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_an_address_serves_it_and_ends_without_noise(studio: Any, how: int) -> None:
    running = studio(*MODULES, "--port", "0")
    address = running.address()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", address)
    with httpx2.Client(follow_redirects=True, trust_env=False) as client:
        page = client.get(address)
        assert page.status_code == 200
        assert "session_" in page.text
        assert "token" not in str(page.url)
        assert client.get(page.url.join("/nowhere")).status_code == 404
        assert client.get(page.url.join("/"), headers={"host": "evil.example"}).status_code == 403
    token = address.rpartition("=")[2]
    assert running.end(how) == (0 if how == signal.SIGINT else -signal.SIGTERM)
    lines = running.said.splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == ["studio", "store", "mode"]
    assert lines[1] == "store:   sqlite:///sessions.db, 1 session"
    assert "read-only" in lines[2]
    assert len(lines) == 4
    assert running.said.count(token) == 1


def test_it_ends_while_a_browser_holds_a_connection(studio: Any) -> None:
    running = studio("--port", "0")
    address = running.address()
    with httpx2.Client(trust_env=False) as client:
        client.get(address)
        assert running.end() == 0


def test_it_says_what_it_was_allowed(studio: Any) -> None:
    running = studio("--port", "0", "--write", "--reveal")
    running.address()
    assert "mode:    sessions can be changed and ended" in running.said
    assert "secrets: shown" in running.said


def test_those_who_listen_to_a_session_are_told_of_what_it_changes(studio: Any, database: Path) -> None:
    running = studio("--port", "0", "--write")
    entrance = running.address()

    def end_the_session() -> None:
        with httpx2.Client(follow_redirects=True, trust_env=False) as client:
            page = client.get(entrance)
            [path] = set(re.findall(r'href="(/session/[^"?#]+)"', page.text))
            [form] = [
                one for one in forms_of(client.get(page.url.join(f"{path}/end")).text) if one.action.endswith("/end")
            ]
            headers = {"sec-fetch-site": "same-origin", "origin": "null"}
            assert client.post(page.url.join(form.action), data=form.fields, headers=headers).status_code == 200

    async def listen() -> Kind:
        store = SQLiteStore(database)
        board, told = Board(notices_of(store)), asyncio.Queue[Kind]()
        assert await board.ready()
        [session] = (await store.scan()).sessions
        board.watch(topic_of(session.address), told.put_nowait)
        await asyncio.to_thread(end_the_session)
        async with asyncio.timeout(30):
            kind = await told.get()
        await board.aclose()
        await store.aclose()
        return kind

    assert asyncio.run(listen()) is Kind.OVER
    assert running.end() == 0


def test_the_store_may_be_in_the_environment(studio: Any) -> None:
    running = studio("--port", "0", store=None, MCP_SESSIONS_STORE="sqlite:///sessions.db")
    assert running.address()


def test_a_port_that_is_taken_is_said(studio: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        running = studio("--port", str(port))
        assert running.popen.wait(60) == 2
    assert f"Cannot listen at 127.0.0.1, port {port}: Address already in use. Name another with --port" in running.said


@pytest.mark.parametrize(
    ("store", "why"),
    [
        ("sqlite:///none.db", "There is no session database none.db"),
        ("memory://", "A store in memory is in the server's process"),
        ("redis://me:hunter2@127.0.0.1:1/0", "127.0.0.1"),
        ("postgresql://me:hunter2@127.0.0.1:1/db", "127.0.0.1"),
        ("nonsense", "not a store URL"),
        ("redis://:hunter2@[::1/0", "not a store URL"),
    ],
)
def test_a_store_that_is_not_there_is_said_without_its_password(
    studio: Any, tmp_path: Path, store: str, why: str
) -> None:
    running = studio("--port", "0", store=store)
    assert running.popen.wait(90) == 2
    assert why in running.said
    assert "Traceback" not in running.said
    assert "hunter2" not in running.said
    assert "token" not in running.said
    assert not (tmp_path / "none.db").exists()


def test_a_module_that_cannot_be_imported_is_said(studio: Any) -> None:
    running = studio("--module", "state.nothing")
    assert running.popen.wait(60) == 2
    assert "Cannot import state.nothing" in running.said


def test_only_this_machine_can_reach_it(studio: Any) -> None:
    running = studio("--port", "0")
    port = int(re.findall(r":(\d+)/", running.address())[0])
    others = [address for *_, (address, *_) in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    for address in {*others, "127.0.0.2"} - {"127.0.0.1"}:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((address, port), timeout=10).close()


def test_the_command_line_starts_without_it() -> None:
    """Help and completion load neither the studio nor a web framework."""
    program = (
        "import sys, mcp_sessiongen.commands.studio; print({'starlette', 'uvicorn', 'mcp_sessions'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
