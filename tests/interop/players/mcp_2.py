"""The official Python client, ``mcp`` 2."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
from mcp import Client
from mcp_types import TextContent
from playing import play


def connect(url: str, era: str) -> AbstractAsyncContextManager[Client]:
    return Client(url, mode="legacy" if era == "legacy" else "auto")


async def list_tools(client: Client) -> list[str]:
    return [tool.name for tool in (await client.list_tools()).tools]


async def call(client: Client, tool: str, arguments: dict[str, Any]) -> tuple[str, bool, dict[str, Any] | None]:
    result = await client.call_tool(tool, arguments)
    text = "".join(block.text for block in result.content if isinstance(block, TextContent))
    return text, result.is_error, result.structured_content


anyio.run(play, connect, list_tools, call)
