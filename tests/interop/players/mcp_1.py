"""The official Python client, ``mcp`` 1: legacy only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import TextContent
from playing import play


@asynccontextmanager
async def connect(url: str, era: str) -> AsyncIterator[ClientSession]:
    assert era == "legacy"
    async with streamable_http_client(url) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        yield session


async def list_tools(session: ClientSession) -> list[str]:
    return [tool.name for tool in (await session.list_tools()).tools]


async def call(session: ClientSession, tool: str, arguments: dict[str, Any]) -> tuple[str, bool, dict[str, Any] | None]:
    result = await session.call_tool(tool, arguments)
    text = "".join(block.text for block in result.content if isinstance(block, TextContent))
    return text, result.isError, result.structuredContent


anyio.run(play, connect, list_tools, call)
