"""The FastMCP example in processes of its own, driven by FastMCP's own client in both eras."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
from mcp.shared.exceptions import MCPError
from tests.e2e.conftest import EXAMPLES, Process
from tests.stores.valkey_server import running

from mcp_sessions import open_store

pytestmark = pytest.mark.anyio

ERAS = ["legacy", "auto"]


@pytest.fixture(params=["sqlite", "valkey"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'sessions.db'}"
    else:
        with running(tmp_path) as valkey:
            yield valkey.url


@pytest.fixture
def start(url: str, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start example servers on the store, with further arguments; they are stopped after the test."""
    started: list[Process] = []

    def begin(*arguments: str, port: int = 0) -> Process:
        class OnStore(Process):
            def command(self, database: Path) -> list[str]:
                where = ["--http", "--port", str(self.port), "--store", url]
                return [sys.executable, "fastmcp_server.py", *where, *arguments]

        started.append(OnStore(tmp_path / "unused", port))
        return started[-1]

    yield begin
    for process in started:
        process.stop()
    for process in started:
        log = process.log.read_text()
        assert "Traceback" not in log, log


async def call(client: Client[Any], tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments, raise_on_error=False)
    text = "".join(block.text for block in result.content if block.type == "text")
    return f"refused: {text}" if result.is_error else text


async def handle_of(client: Client[Any], schema: str = "counter") -> dict[str, str]:
    made = (await client.call_tool(f"create_{schema}", {})).structured_content
    assert made is not None
    return {schema: made[schema]}


def in_turn(*workers: Process) -> Any:
    """Return what makes HTTP clients that send each request to another worker."""
    turns: list[int] = []

    class RoundRobin(httpx2.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            turns.append(len(turns) % len(workers))
            request.url = request.url.copy_with(port=workers[turns[-1]].port)
            return await super().handle_async_request(request)

    def make(**options: Any) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=RoundRobin(), **options)

    return make


@pytest.mark.parametrize("mode", ERAS)
async def test_two_workers_serve_one_session_in_turn(start: Any, mode: Any) -> None:
    transport = StreamableHttpTransport("http://127.0.0.1:1/mcp", httpx_client_factory=in_turn(start(), start()))
    async with Client(transport, mode=mode) as client:
        counter = {} if mode == "legacy" else await handle_of(client)
        notes = {} if mode == "legacy" else await handle_of(client, "notes")
        assert [await call(client, "increment", **counter) for _ in range(4)] == [f"Counter: {n}" for n in (1, 2, 3, 4)]
        assert await call(client, "add_note", text="milk", **notes) == "Noted. Notes so far: 1"
        assert await call(client, "add_note", text="eggs", **notes) == "Noted. Notes so far: 2"
        [message] = (await client.get_prompt("summary", {"topic": "food", **notes})).messages
        assert message.content.type == "text"
        assert message.content.text == "Summarize what these notes say of food: milk; eggs"
        if mode == "auto":
            [content] = await client.read_resource(f"counter://{counter['counter']}/value")
            assert getattr(content, "text") == "4"  # noqa: B009 -- it is one of two kinds


async def test_no_increment_is_lost_between_workers(start: Any) -> None:
    async with Client(start().url) as one, Client(start().url) as two:
        counter = await handle_of(one)
        with anyio.fail_after(60):
            await asyncio.gather(*(call(client, "increment", **counter) for client in (one, two) for _ in range(25)))
        assert await call(two, "increment", by=0, **counter) == "Counter: 50"
        assert await call(one, "end_counter", **counter) == '{"ended":true}'
        assert "has been ended" in await call(two, "increment", **counter)


async def test_a_legacy_session_survives_the_death_of_the_process_that_began_it(start: Any) -> None:
    first = start()
    async with Client(first.url, mode="legacy") as client:
        assert await call(client, "increment") == "Counter: 1"
        first.stop(signal.SIGKILL)
        start(port=first.port)
        assert await call(client, "increment") == "Counter: 2"


@pytest.mark.parametrize("mode", ERAS)
async def test_a_user_is_let_in_by_any_worker_and_a_foreigner_by_none(start: Any, mode: Any) -> None:
    workers = [start("--users", "anna,ben") for _ in range(2)]
    async with Client(workers[0].url, mode=mode, auth="token-anna") as anna:
        counter = await handle_of(anna)
        assert await call(anna, "increment", **counter) == "Counter: 1"
    for worker in workers:
        async with (
            Client(worker.url, mode=mode, auth="token-anna") as anna,
            Client(worker.url, mode=mode, auth="token-ben") as ben,
        ):
            assert (await call(anna, "increment", **counter)).startswith("Counter: ")
            assert "there is no such counter session" in await call(ben, "increment", **counter)
            with pytest.raises(MCPError, match="there is no such counter session"):
                await ben.read_resource(f"counter://{counter['counter']}/value")
        async with httpx2.AsyncClient() as http:
            for headers in ({}, {"authorization": "Bearer token-carl"}):
                assert (await http.post(worker.url, json={}, headers=headers)).status_code == 401


async def test_a_stateful_server_asks_its_client_and_keeps_the_answer(start: Any) -> None:
    async def choose(message: str, kind: Any, params: Any, context: Any) -> Any:
        assert message == "Which framework?"
        return {"value": "svelte"}

    async with Client(start("--stateful").url, mode="legacy", elicitation_handler=choose) as client:
        assert await call(client, "ask_framework") == "Framework: svelte"
        assert await call(client, "increment") == "Counter: 1"


@pytest.mark.parametrize("mode", ERAS)
async def test_over_stdio(tmp_path: Path, mode: Any) -> None:
    arguments = [str(EXAMPLES / "fastmcp_server.py"), "--store", f"sqlite:///{tmp_path / 's.db'}"]

    def connect() -> Client[Any]:
        return Client(StdioTransport(sys.executable, arguments, keep_alive=False), mode=mode)

    with anyio.fail_after(120):
        async with connect() as client:
            counter = {} if mode == "legacy" else await handle_of(client)
            assert [await call(client, "increment", **counter) for _ in range(2)] == ["Counter: 1", "Counter: 2"]
        async with connect() as client:  # a handle outlives the process, the state of a connection does not
            assert await call(client, "increment", **counter) == ("Counter: 1" if mode == "legacy" else "Counter: 3")


async def test_over_stdio_fastmcps_own_run_does_as_well(tmp_path: Path) -> None:
    code = "import sys; import fastmcp_server; fastmcp_server.make_server(sys.argv[1])[0].run(show_banner=False)"
    arguments = ["-c", code, f"sqlite:///{tmp_path / 's.db'}"]
    transport = StdioTransport(sys.executable, arguments, cwd=str(EXAMPLES), keep_alive=False)
    with anyio.fail_after(120):
        async with Client(transport, mode="legacy") as client:
            assert [await call(client, "increment") for _ in range(2)] == ["Counter: 1", "Counter: 2"]
            counter = await handle_of(client)
    store = open_store(arguments[-1])
    for _ in range(200):  # the process may take a moment to stop
        kept = [one.address.id for one in (await store.scan()).sessions]
        if len(kept) == 1:
            break
        await anyio.sleep(0.05)
    await store.aclose()
    assert kept == [counter["counter"]]  # the state of the connection has ended with it


def test_a_store_that_cannot_be_opened_is_told_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, EXAMPLES / "fastmcp_server.py", "--store", "nonsense://x"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "nonsense" in done.stderr
    assert "Traceback" not in done.stderr
