"""Servers in servers: mounted under names, with sessions at any level, and proxies in front."""

from typing import Any

import pytest
from fastmcp import Client, FastMCP
from fastmcp.server import create_proxy
from fastmcp.server.providers.proxy import FastMCPProxy, StatefulProxyClient
from mcp.shared.exceptions import MCPError
from tests.fastmcp.servers import handle_of, make_server, offer, prompt, refused, resource, told

from mcp_sessions import UntypedSession
from mcp_sessions.fastmcp import FastMCPSessions

pytestmark = pytest.mark.anyio

ERAS = ["legacy", "auto"]


def bare(kinds: Any) -> FastMCP[Any]:
    """Return a server whose tools use sessions that were not added to it."""
    server: FastMCP[Any] = FastMCP("bare")
    offer(server, kinds.KindsSession)
    return server


@pytest.mark.parametrize("mode", ERAS)
async def test_sessions_of_a_server_are_those_of_all_that_is_mounted_in_it(kinds: Any, mode: Any) -> None:
    root, _ = make_server(kinds)
    root.mount(bare(kinds), namespace="kid")
    async with Client(root, mode=mode) as client:
        handle = await handle_of(client)
        assert await told(client, "kid_count", kinds=handle) == "1"
        assert await told(client, "count", kinds=handle) == "2"
        assert await prompt(client, "kid_ask", kinds=handle) == "why, 3"
        assert await resource(client, f"count://kid/{handle}/value") == "3"
        if mode == "legacy":
            assert await told(client, "kid_count_here") == "1"
            assert await told(client, "count") == "2"


@pytest.mark.parametrize("mode", ERAS)
async def test_a_mounted_server_with_sessions_names_its_tools_as_the_client_knows_them(kinds: Any, mode: Any) -> None:
    leaf, sessions = make_server(kinds)
    middle, root = FastMCP[Any]("middle"), FastMCP[Any]("root")
    middle.mount(leaf, namespace="b")
    root.mount(middle, namespace="a")
    async with Client(root, mode=mode) as client:
        handle = await handle_of(client, "a_b_create_kinds")
        assert await told(client, "a_b_count", kinds=handle) == "1"
        advice = "Call a_b_create_kinds for a new one"
        assert advice in await refused(client, "a_b_count", kinds="kinds_guessed")
        with pytest.raises(MCPError, match=advice):
            await prompt(client, "a_b_ask", kinds="kinds_guessed")
        with pytest.raises(MCPError, match=advice):
            await resource(client, "count://a/b/kinds_guessed/value")
        if mode == "legacy":
            assert await told(client, "a_b_count") == "1"
        else:
            assert "Call a_b_create_kinds first" in await refused(client, "a_b_count")
        assert await told(client, "a_b_end_kinds", kinds=handle) == '{"ended":true}'
    assert (await sessions.store.scan()).sessions == ()


@pytest.mark.parametrize("mode", ERAS)
async def test_sessions_that_are_added_at_two_levels_are_the_same(kinds: Any, mode: Any) -> None:
    root, sessions = make_server(kinds)
    kid = bare(kinds)
    sessions.add_to(kid)
    root.mount(kid, namespace="kid")
    async with Client(root, mode=mode) as client:
        handle = await handle_of(client)
        assert await told(client, "kid_count", kinds=handle) == "1"
        assert await told(client, "kid_count", kinds=await handle_of(client, "kid_create_kinds")) == "1"
        if mode == "legacy":
            assert await told(client, "kid_count") == "1"
            assert await told(client, "count") == "2"


async def test_a_mounted_server_may_have_sessions_of_its_own(kinds: Any) -> None:
    root, _ = make_server(kinds)
    kid: FastMCP[Any] = FastMCP("kid")
    FastMCPSessions(schemas=[UntypedSession]).add_to(kid)

    @kid.tool
    async def remember(key: str, session: UntypedSession) -> list[str]:
        """Keep a key."""
        await session.set(key, True)
        return await session.keys()

    root.mount(kid, namespace="kid")
    async with Client(root) as client:
        handle = await handle_of(client, "create_session", "session")
        assert "Call kid_create_session" in await refused(client, "kid_remember", key="a", session=handle)
        own = await handle_of(client, "kid_create_session", "session")
        assert await told(client, "kid_remember", key="a", session=own) == '["a"]'


async def test_a_tool_that_calls_another_of_a_mounted_server_is_told_the_clients_names(kinds: Any) -> None:
    leaf, _ = make_server(kinds)

    @leaf.tool
    async def indirectly() -> str:
        """Call another tool, which needs a session."""
        return str(await leaf.call_tool("count", {}))

    root: FastMCP[Any] = FastMCP("root")
    root.mount(leaf, namespace="a")
    async with Client(root) as client:
        assert "Call a_create_kinds first" in await refused(client, "a_indirectly")


async def test_a_server_in_which_one_with_sessions_is_mounted_is_served(kinds: Any) -> None:
    leaf, sessions = make_server(kinds)
    root: FastMCP[Any] = FastMCP("root")
    root.mount(leaf, namespace="a")
    assert sessions.http_app(root).state.path == "/mcp"


@pytest.mark.parametrize("mode", ERAS)
async def test_handles_go_through_a_proxy(kinds: Any, mode: Any) -> None:
    backend, _ = make_server(kinds)
    async with Client(create_proxy(backend), mode=mode) as client:
        handle = await handle_of(client)
        assert await told(client, "count", kinds=handle) == "1"
        assert await told(client, "count", kinds=handle) == "2"
        assert await resource(client, f"count://{handle}/value") == "2"


async def test_a_proxy_opens_a_session_for_each_call_of_a_legacy_client(kinds: Any) -> None:
    """What the page says of proxies; nothing tells the server behind one that its client is one."""
    backend, _ = make_server(kinds)
    async with Client(create_proxy(backend), mode="legacy") as client:
        assert [await told(client, "count") for _ in range(2)] == ["1", "1"]


@pytest.mark.parametrize("mode", ERAS)
async def test_a_proxy_that_speaks_the_modern_era_has_its_clients_told(kinds: Any, mode: Any) -> None:
    backend, _ = make_server(kinds)
    async with Client(create_proxy(backend, mode="auto"), mode=mode) as client:
        assert "Call create_kinds first" in await refused(client, "count")


async def test_a_stateful_proxy_keeps_a_session_for_each_of_its_legacy_clients(kinds: Any) -> None:
    backend, _ = make_server(kinds)
    connecting = StatefulProxyClient(backend)
    proxy = FastMCPProxy(client_factory=connecting.new_stateful)
    async with Client(proxy, mode="legacy") as one, Client(proxy, mode="legacy") as two:
        assert [await told(one, "count") for _ in range(2)] == ["1", "2"]
        assert await told(two, "count") == "1"
    await connecting.clear()
