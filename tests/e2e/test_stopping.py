"""A server that is told to stop finishes the calls that are under way, and waits for no stream."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp_types import TextContent

pytestmark = pytest.mark.anyio

SERVER = Path(__file__).with_name("stopped.py")

LOOKS = 0.5
"""How often sse-starlette looks whether to cut off its streams, in seconds."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def appeared(file: Path) -> None:
    async with asyncio.timeout(60):
        while not file.exists():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("mode", ["stateless", "stateful"])
async def test_a_call_that_is_under_way_gets_its_answer(mode: str, tmp_path: Path) -> None:
    """Also while the client of a stateful server has its stream open, which would go on for ever."""
    port = free_port()
    server = await asyncio.create_subprocess_exec(
        sys.executable, str(SERVER), str(port), str(tmp_path), mode, stderr=asyncio.subprocess.PIPE
    )
    try:
        assert server.stderr is not None
        assert b"serving" in await asyncio.wait_for(server.stderr.readline(), 60)
        said = ""
        try:
            async with asyncio.timeout(120), Client(f"http://127.0.0.1:{port}/mcp", mode="legacy") as client:
                await client.list_tools()  # else it would ask for the tool's output schema afterwards
                call = asyncio.create_task(client.call_tool("slow", {}))
                await appeared(tmp_path / "begun")
                os.kill(server.pid, signal.SIGTERM)
                await refused(port)
                await asyncio.sleep(3 * LOOKS)
                (tmp_path / "go").touch()
                [content] = (await call).content
                said = content.text if isinstance(content, TextContent) else ""
                assert await asyncio.wait_for(server.wait(), 15) in (0, -signal.SIGTERM)
        except* httpx2.ConnectError:
            pass  # the client cannot say goodbye
        assert said == "done"
    finally:
        if server.returncode is None:
            server.kill()
            await server.wait()
    assert b"Traceback" not in await server.stderr.read()


async def refused(port: int) -> None:
    """Wait until the server takes no more connections."""
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0.01)
