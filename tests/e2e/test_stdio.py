"""The example server over stdio, in both eras."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import CallToolResult, TextContent

pytestmark = pytest.mark.anyio

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def text_of(result: CallToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, TextContent))


@pytest.fixture
def parameters(database: Path) -> StdioServerParameters:
    arguments = [str(EXAMPLES / "server.py"), "--store", f"sqlite:///{database}"]
    return StdioServerParameters(command=sys.executable, args=arguments)


async def test_a_legacy_client_needs_no_handle(parameters: Any) -> None:
    async with Client(parameters, mode="legacy") as client:
        assert client.protocol_version == "2025-11-25"
        assert text_of(await client.call_tool("increment", {})) == "Counter: 1"
        assert text_of(await client.call_tool("increment", {"by": 41})) == "Counter: 42"
        assert "which framework" in text_of(await client.call_tool("wizard_next", {"answer": "atlas"}))
    async with Client(parameters, mode="legacy") as another:
        assert text_of(await another.call_tool("increment", {})) == "Counter: 1"


async def test_what_a_connection_held_is_gone_with_it(parameters: Any, database: Path) -> None:
    def held() -> int:
        with closing(sqlite3.connect(database)) as connection:
            return int(connection.execute("SELECT count(*) FROM session_values").fetchone()[0])

    async with Client(parameters, mode="legacy") as client:
        await client.call_tool("increment", {})
        await client.call_tool("add_note", {"text": "private"})
        assert held() == 2
    for _ in range(100):
        if held() == 0:
            break
        await anyio.sleep(0.1)
    assert held() == 0


async def test_a_modern_client_carries_a_handle_which_outlives_the_process(parameters: Any) -> None:
    async with Client(parameters) as client:
        assert client.protocol_version == "2026-07-28"
        missing = await client.call_tool("increment", {})
        assert missing.is_error
        assert "create_counter" in text_of(missing)
        created = await client.call_tool("create_counter", {})
        assert created.structured_content is not None
        handle = created.structured_content["counter"]
        assert text_of(await client.call_tool("increment", {"counter": handle})) == "Counter: 1"
    async with Client(parameters) as another:
        assert text_of(await another.call_tool("increment", {"counter": handle})) == "Counter: 2"
