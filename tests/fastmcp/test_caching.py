"""FastMCP's response cache before what uses sessions: refused when the server starts, unless it leaves that out."""

from typing import Any

import pytest
from fastmcp import Client, FastMCP
from fastmcp.server.middleware.caching import ResponseCachingMiddleware
from tests.fastmcp.servers import handle_of, make_server, offer, told

from mcp_sessions import UntypedSession
from mcp_sessions.fastmcp import FastMCPSessions

pytestmark = pytest.mark.anyio

OURS = ["create_kinds", "create_session", "end_kinds", "end_session"]
THEIRS = ["count", "count_in_a_thread", "title"]
NONE = {"enabled": False}


async def start(server: FastMCP[Any]) -> None:
    async with Client(server):
        pass


async def test_what_it_would_do_is_to_give_one_handle_to_all(kinds: Any) -> None:
    """Why it is refused; here it comes when the server has started."""
    server, _ = make_server(kinds)
    async with Client(server) as one, Client(server) as two:
        server.add_middleware(ResponseCachingMiddleware())
        assert await handle_of(one) == await handle_of(two)


async def test_a_cache_for_all_tools_is_refused_with_those_that_it_must_leave_out(kinds: Any) -> None:
    server, _ = make_server(kinds, middleware=[ResponseCachingMiddleware()])
    left_out = sorted([*OURS, *THEIRS])
    with pytest.raises(RuntimeError) as refused:
        await start(server)
    assert f"give it call_tool_settings={{'excluded_tools': {left_out}}}" in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"call_tool_settings": {"excluded_tools": [*OURS, *THEIRS[1:]]}}, "the tools count from its cache"),
        ({"call_tool_settings": {"included_tools": ["create_kinds"]}}, "the tools create_kinds from its cache"),
        ({"call_tool_settings": NONE}, "the prompts ask, ask_in_a_thread from its cache"),
        ({"call_tool_settings": NONE, "get_prompt_settings": NONE}, "the resources count://{kinds}/value from"),
    ],
)
async def test_what_is_still_cached_is_named(kinds: Any, settings: Any, advice: str) -> None:
    server, _ = make_server(kinds, middleware=[ResponseCachingMiddleware(**settings)])
    with pytest.raises(RuntimeError) as refused:
        await start(server)
    assert advice in str(refused.value)


@pytest.mark.parametrize("tools", [{"excluded_tools": [*OURS, *THEIRS]}, {"included_tools": ["other"]}, NONE])
async def test_a_cache_that_leaves_out_what_uses_sessions_is_welcome(kinds: Any, tools: Any) -> None:
    cache = ResponseCachingMiddleware(
        call_tool_settings=tools, get_prompt_settings={"enabled": False}, read_resource_settings={"enabled": False}
    )
    server, _ = make_server(kinds, middleware=[cache])
    async with Client(server) as client:
        handle = await handle_of(client)
        assert [await told(client, "count", kinds=handle) for _ in range(2)] == ["1", "2"]


async def test_a_cache_of_the_server_that_it_is_mounted_in_is_refused_too(kinds: Any) -> None:
    kid, _ = make_server(kinds)
    root: FastMCP[Any] = FastMCP("root", middleware=[ResponseCachingMiddleware()])
    root.mount(kid, namespace="kid")
    with pytest.raises(RuntimeError, match=r"the server 'root' would answer for the tools kid_count, "):
        await start(root)


async def test_tools_of_a_mounted_server_that_use_its_sessions_are_found(kinds: Any) -> None:
    sessions = FastMCPSessions(schemas=[kinds.KindsSession, UntypedSession], tools=False)
    root: FastMCP[Any] = FastMCP("root", middleware=[ResponseCachingMiddleware()])
    sessions.add_to(root)
    kid: FastMCP[Any] = FastMCP("kid")
    offer(kid, kinds.KindsSession)
    root.mount(kid, namespace="kid")
    with pytest.raises(RuntimeError, match=r"the tools kid_count, kid_count_in_a_thread, kid_title from its cache"):
        await start(root)


@pytest.mark.parametrize("cached", ["root", "mid", "inner"])
@pytest.mark.parametrize("ours", ["root", "mid", "inner"])
async def test_a_cache_at_any_level_is_refused_wherever_the_sessions_are_added(
    kinds: Any, ours: str, cached: str
) -> None:
    servers: dict[str, FastMCP[Any]] = {name: FastMCP(name) for name in ("root", "mid", "inner")}
    servers["root"].mount(servers["mid"], namespace="mid")
    servers["mid"].mount(servers["inner"], namespace="inner")
    FastMCPSessions("memory://", schemas=[kinds.KindsSession]).add_to(servers[ours])
    offer(servers["inner"], kinds.KindsSession)
    servers[cached].add_middleware(ResponseCachingMiddleware())
    with pytest.raises(RuntimeError, match=rf"the server '{cached}' would answer for the tools "):
        await start(servers["root"])
