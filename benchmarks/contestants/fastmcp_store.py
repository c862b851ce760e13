"""The store that FastMCP's servers keep state in: py-key-value's RedisStore, or what FastMCP has by default."""

from typing import Any

from fastmcp import FastMCP
from key_value.aio.stores.redis import RedisStore


def server(url: str) -> FastMCP[Any]:
    """Return a server; the url "memory" is its default, which is py-key-value's MemoryStore."""
    return FastMCP("bench") if url == "memory" else FastMCP("bench", session_state_store=RedisStore(url=url))
