"""Stateful mode in real processes: what the server asks of the SDK's client, and streams that break in the middle."""

import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CreateMessageResult, ElicitResult, TextContent
from tests.e2e.conftest import Process

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the files appear that the slow tool waits for."""
    folder = tmp_path / "signs"
    folder.mkdir()
    return folder


class Talking(Process):
    """The server of ``talking.py``."""

    def command(self, database: Path) -> list[str]:
        store, signs = f"sqlite:///{database}", str(database.with_name("signs"))
        return [sys.executable, str(HERE / "talking.py"), store, str(self.port), signs]


@pytest.fixture
def start_talking(database: Path, folder: Path) -> Iterator[Callable[[], int]]:
    """Start servers on one database and return their ports."""
    started: list[Process] = []

    def begin() -> int:
        started.append(Talking(database))
        return started[-1].port

    yield begin
    for process in started:
        process.stop()
    for process in started:
        log = process.log.read_text()
        assert "Traceback" not in log, log


async def elicited(context: Any, params: Any) -> ElicitResult:
    assert params.message == "Which date?"
    return ElicitResult(action="accept", content={"date": "2030-01-01"})


async def sampled(context: Any, params: Any) -> CreateMessageResult:
    content = TextContent(type="text", text=f"about {params.messages[0].content.text}")
    return CreateMessageResult(role="assistant", content=content, model="m")


def text_of(result: Any) -> str:
    assert not result.is_error, result
    return "".join(block.text for block in result.content if isinstance(block, TextContent))


class Breaking(httpx2.AsyncHTTPTransport):
    """Breaks the stream of a call after the first progress, and says so; resumed requests may go to another port."""

    def __init__(self, folder: Path, elsewhere: int | None = None) -> None:
        super().__init__()
        self.folder = folder
        self.elsewhere = elsewhere
        self.resumed: list[int] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        resumes = "last-event-id" in request.headers
        if resumes:
            while not (self.folder / "three").exists():
                await anyio.sleep(0.01)
            if self.elsewhere is not None:
                request.url = request.url.copy_with(port=self.elsewhere)
        response = await super().handle_async_request(request)
        if resumes:
            self.resumed.append(response.status_code)
            if self.elsewhere is not None:
                (self.folder / "resumed").touch()
        stream: Any = response.stream
        response.stream = Watched(stream, self._resumed if resumes else self._broken)
        return response

    def _broken(self, seen: bytes) -> None:
        if b'"progress":1' in seen and not (self.folder / "lost").exists():
            (self.folder / "lost").touch()
            raise httpx2.ReadError("the connection broke")

    def _resumed(self, seen: bytes) -> None:
        if re.search(rb'"progress":3.*data: *\r?\n', seen, re.DOTALL):  # an event without data: it goes on live
            (self.folder / "resumed").touch()


class Watched(httpx2.AsyncByteStream):
    """A stream that somebody looks at, and may break."""

    def __init__(self, stream: Any, look: Callable[[bytes], None]) -> None:
        self._stream = stream
        self._look = look

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = b""
        async for chunk in self._stream:
            seen += chunk
            yield chunk
            self._look(seen)

    async def aclose(self) -> None:
        await self._stream.aclose()


@asynccontextmanager
async def client_through(transport: httpx2.AsyncHTTPTransport, port: int) -> AsyncIterator[Client]:
    async with httpx2.AsyncClient(transport=transport, timeout=60) as http:
        url = f"http://127.0.0.1:{port}/mcp"
        async with Client(streamable_http_client(url, http_client=http), mode="legacy") as client:
            yield client


async def test_the_server_asks_the_user_and_the_model_of_a_legacy_client(start_talking: Any) -> None:
    url = f"http://127.0.0.1:{start_talking()}/mcp"
    async with Client(url, mode="legacy", elicitation_callback=elicited, sampling_callback=sampled) as client:
        assert client.protocol_version == "2025-11-25"
        assert "2030-01-01" in text_of(await client.call_tool("book", {}))
        assert text_of(await client.call_tool("summarize", {})) == "about 2030-01-01"
    async with Client(url, mode="legacy") as another:
        assert text_of(await another.call_tool("remember", {"key": "mine"})) == "mine"


async def test_a_modern_client_is_served_by_handle(start_talking: Any) -> None:
    async with Client(f"http://127.0.0.1:{start_talking()}/mcp") as client:
        assert client.protocol_version == "2026-07-28"
        made = await client.call_tool("create_session", {})
        assert made.structured_content is not None
        handle = {"session": made.structured_content["session"]}
        assert text_of(await client.call_tool("remember", {"key": "a", **handle})) == "a"


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_call_whose_stream_breaks_is_resumed_without_loss_or_repetition(
    start_talking: Any, folder: Path, processes: int
) -> None:
    """With two processes, whatever is resumed goes to the one that does not know the connection."""
    ports = [start_talking() for _ in range(processes)]
    seen: list[float] = []

    async def progress(value: float, total: float | None, message: str | None) -> None:
        seen.append(value)

    transport = Breaking(folder, None if processes == 1 else ports[1])
    with anyio.fail_after(60):
        async with client_through(transport, ports[0]) as client:
            result = await client.call_tool("count", {}, progress_callback=progress)
            assert text_of(result) == "done"
            assert seen == [1, 2, 3, 4]
            assert set(transport.resumed) == {200}
            assert text_of(await client.call_tool("remember", {"key": "a"})) == "acounted"


async def test_another_process_answers_404_and_ends_nothing(start_talking: Any) -> None:
    """A client has to begin anew there; the process that has the connection goes on serving it."""
    first, second = start_talking(), start_talking()
    async with httpx2.AsyncClient(timeout=60) as http:
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
        body: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
        answer = await http.post(f"http://127.0.0.1:{first}/mcp", json=body, headers=headers)
        headers["mcp-session-id"] = answer.headers["mcp-session-id"]
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        for port, status in ((first, 200), (second, 404), (first, 200)):
            answer = await http.post(f"http://127.0.0.1:{port}/mcp", json=ping, headers=headers)
            assert answer.status_code == status
        for port, status in ((second, 404), (first, 200), (first, 404)):
            answer = await http.delete(f"http://127.0.0.1:{port}/mcp", headers=headers)
            assert answer.status_code == status
