"""Refuses FastMCP's response cache before what uses sessions: it would answer a client with what another one keeps.

The cache knows a call by its name, its arguments and its token. So it would also give the same handle to all who begin
a session. What it caches has no documented name; ``tests/fastmcp/test_caching.py`` fails when FastMCP changes that.
"""

from collections.abc import Collection
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.dependencies import get_server
from fastmcp.server.middleware.caching import ResponseCachingMiddleware

from mcp_sessions.arguments import is_session
from mcp_sessions.fastmcp.framework import servers_in


async def require_uncached(server: FastMCP[Any], ours: Collection[str]) -> None:
    """Refuse a cache in a server that starts, and in all that are started with it: those it is mounted in, and others.

    Args:
        server: The server.
        ours: The names of the tools that begin, end and list sessions.

    Raises:
        ValueError: If there is a cache for what uses sessions.
    """
    for one in {server, *servers_in(_root_of(server))}:
        for cache in one.middleware:
            if isinstance(cache, ResponseCachingMiddleware):
                await _require_left_out(one, cache, ours)


def _root_of(server: FastMCP[Any]) -> FastMCP[Any]:
    try:
        return get_server()
    except RuntimeError:
        return server


async def _require_left_out(server: FastMCP[Any], cache: ResponseCachingMiddleware, ours: Collection[str]) -> None:
    if cache._call_tool_settings.get("enabled") is not False:
        tools = await server.list_tools(run_middleware=False)
        using = [one.name for one in tools if _is_ours(one.name, ours) or _takes_session(one.parameters)]
        cached = sorted(name for name in using if cache._matches_tool_cache_settings(tool_name=name))
        if cached:
            raise ValueError(
                _refusal(server, "the tools", cached, f"call_tool_settings={{'excluded_tools': {cached}}}")
            )
    if cache._get_prompt_settings.get("enabled") is not False:
        prompts = await server.list_prompts(run_middleware=False)
        cached = [one.name for one in prompts if any(is_session(each.description) for each in one.arguments or ())]
        if cached:
            raise ValueError(_refusal(server, "the prompts", cached, "get_prompt_settings={'enabled': False}"))
    if cache._read_resource_settings.get("enabled") is not False:
        templates = await server.list_resource_templates(run_middleware=False)
        cached = [one.uri_template for one in templates if _takes_session(one.parameters)]
        if cached:
            raise ValueError(_refusal(server, "the resources", cached, "read_resource_settings={'enabled': False}"))


def _is_ours(name: str, ours: Collection[str]) -> bool:
    return any(name == one or name.endswith(f"_{one}") for one in ours)  # in a mounted server it has a prefix


def _takes_session(parameters: dict[str, Any]) -> bool:
    return any(is_session(one.get("description")) for one in parameters.get("properties", {}).values())


def _refusal(server: FastMCP[Any], what: str, names: list[str], instead: str) -> str:
    return (
        f"the ResponseCachingMiddleware of the server {server.name!r} would answer for {what} {', '.join(names)} from "
        f"its cache, with what another client's session holds: give it {instead}"
    )
