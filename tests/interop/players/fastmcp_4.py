"""FastMCP 4's client."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio
from fastmcp import Client
from playing import play


def connect(url: str, era: str) -> AbstractAsyncContextManager[Any]:
    return Client(url, mode="legacy" if era == "legacy" else "auto")


async def list_tools(client: Any) -> list[str]:
    return [tool.name for tool in await client.list_tools()]


async def call(client: Any, tool: str, arguments: dict[str, Any]) -> tuple[str, bool, dict[str, Any] | None]:
    result = await client.call_tool(tool, arguments, raise_on_error=False)
    text = "".join(block.text for block in result.content if block.type == "text")
    return text, result.is_error, result.structured_content


anyio.run(play, connect, list_tools, call)
