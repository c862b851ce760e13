"""The server that `init` writes, over HTTP and stdio, to clients of both eras."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import CallToolResult, TextContent

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", params=["yaml", "pydantic"])
def begun(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a new project; its name has characters that mean something in a URL."""
    folder = tmp_path_factory.mktemp(request.param) / "a %41#b?"
    folder.mkdir()
    for arguments in (["init", "--form", request.param], ["generate"]):
        subprocess.run([sys.executable, "-m", "mcp_sessiongen", *arguments, "-q"], cwd=folder, check=True, timeout=120)
    return folder


@pytest.fixture
def http(begun: Path, tmp_path: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    line = [sys.executable, str(begun / "server.py"), "--port", str(port)]
    process = subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.PIPE)
    assert process.stderr is not None
    url = f"http://127.0.0.1:{port}/mcp"
    assert process.stderr.readline().decode() == f"serving {url}\n"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield url
    process.terminate()
    _, errors = process.communicate(timeout=30)
    assert errors == b"", errors.decode()  # nothing of how each client came and went


@pytest.fixture(params=["stdio", "http"])
def server(request: pytest.FixtureRequest, begun: Path, tmp_path: Path) -> Any:
    if request.param == "http":
        return request.getfixturevalue("http")
    return StdioServerParameters(command=sys.executable, args=[str(begun / "server.py"), "stdio"], cwd=tmp_path)


def text_of(result: CallToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, TextContent))


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_it_remembers_notes_in_a_database_beside_it(server: Any, mode: Any, begun: Path, tmp_path: Path) -> None:
    async with Client(server, mode=mode) as client:
        handle: dict[str, Any] = {}
        if mode == "auto":
            made = await client.call_tool("create_memory", {})
            assert made.structured_content is not None
            handle = {"memory": made.structured_content["memory"]}
        for count, note in enumerate(("milk", "bread"), 1):
            answer = await client.call_tool("remember", {"text": note, **handle})
            assert text_of(answer) == f"Noted. Notes so far: {count}"
    assert (begun / "sessions.db").exists()
    assert not list(tmp_path.glob("*"))


async def test_the_environment_names_another_store(begun: Path, tmp_path: Path) -> None:
    (begun / "sessions.db").unlink(missing_ok=True)
    environment = {"MCP_SESSIONS_STORE": "sqlite:///elsewhere.db"}
    program = [str(begun / "server.py"), "stdio"]
    server = StdioServerParameters(command=sys.executable, args=program, cwd=tmp_path, env=environment)
    for expected in (1, 2):  # over stdio a session ends with its server, but not what a handle names
        async with Client(server) as client:
            if expected == 1:
                made = await client.call_tool("create_memory", {})
                assert made.structured_content is not None
                handle = {"memory": made.structured_content["memory"]}
            answer = await client.call_tool("remember", {"text": "milk", **handle})
            assert text_of(answer) == f"Noted. Notes so far: {expected}"
    assert (tmp_path / "elsewhere.db").exists()
    assert not (begun / "sessions.db").exists()


def test_an_unknown_transport_is_wrong_usage(begun: Path) -> None:
    line = [sys.executable, "server.py", "studio"]
    done = subprocess.run(line, cwd=begun, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "invalid choice: 'studio'" in done.stderr
