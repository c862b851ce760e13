"""A compiled schema with every option of a key, served over stdio and HTTP to clients of both eras."""

import asyncio
import os
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

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that finds the compiled schema."""
    folder = tmp_path_factory.mktemp("compiled")
    command = [sys.executable, "-m", "mcp_sessiongen", "generate", str(HERE / "order.yaml")]
    subprocess.run([*command, "-o", str(folder / "order_state")], check=True, timeout=120)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


@pytest.fixture
def http(surroundings: dict[str, str], database: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, str(HERE / "orders.py"), f"sqlite:///{database}", str(port)]
    process = subprocess.Popen(command, env=surroundings, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.readline()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/mcp"
    process.terminate()
    _, errors = process.communicate(timeout=30)
    assert b"Traceback" not in errors, errors.decode()


@pytest.fixture(params=["stdio", "http"])
def server(request: pytest.FixtureRequest, surroundings: dict[str, str], database: Path) -> Any:
    if request.param == "http":
        return request.getfixturevalue("http")
    arguments = [str(HERE / "orders.py"), f"sqlite:///{database}"]
    return StdioServerParameters(command=sys.executable, args=arguments, env=surroundings)


def text_of(result: CallToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, TextContent))


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_an_order_begins_with_what_the_create_tool_is_given(server: Any, mode: Any) -> None:
    async with Client(server, mode=mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        schema = tools["create_order"].input_schema
        assert (list(schema["properties"]), schema["required"]) == (["customer", "lines", "status"], ["customer"])
        assert schema["properties"]["lines"]["description"] == "What is ordered."

        for arguments, said in (
            ({"lines": [{"sku": "SECRET"}]}, "needs the argument customer"),
            ({"customer": "SECRET SECRET"}, "customer: string should have at most 8 characters"),
            ({"customer": "me", "lines": [{"sku": "SECRET"}]}, "lines: [0].sku: string should have at most 5"),
            ({"customer": "me", "status": "SECRET"}, "status: input should be 'open' or 'paid'"),
        ):
            refusal = await client.call_tool("create_order", arguments)
            assert refusal.is_error
            assert said in text_of(refusal)
            assert "SECRET" not in text_of(refusal)

        made = await client.call_tool("create_order", {"customer": "true", "lines": [{"sku": "A"}, {"sku": "B"}]})
        assert made.structured_content is not None
        handle = {"order": made.structured_content["order"]}
        assert text_of(await client.call_tool("show", handle)) == "true: 1 A, 1 B; open, None"
        assert text_of(await client.call_tool("price", {**handle, "amount": "9.50"})) == "9.50"
        await asyncio.sleep(1.1)  # the quote's time to live is a second
        assert text_of(await client.call_tool("show", handle)) == "true: 1 A, 1 B; paid, None"
