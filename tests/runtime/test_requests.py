"""Accessors in all that a server offers: tools of both kinds, prompts, resources and resource templates."""

from typing import Any

import anyio.from_thread
import pytest
from mcp import Client
from mcp.server import MCPServer
from mcp.shared.exceptions import MCPError
from tests.runtime.test_server import handle_in, text_of

from mcp_sessions import UntypedSession
from mcp_sessions.context import current_call
from mcp_sessions.server import Sessions
from mcp_sessions.stores import MemoryStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def server(kinds: Any) -> MCPServer:
    sessions = Sessions(MemoryStore(), schemas=[kinds.KindsSession, UntypedSession])
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")
    sessions.attach(server)
    sessions.attach(server)
    assert server.middleware.count(sessions.middleware) == 1
    accessor: Any = kinds.KindsSession

    @server.tool()
    async def count(kinds: accessor) -> int:
        """Count."""
        return int(await kinds.increment_count())

    @server.tool()
    def count_in_a_thread(kinds: accessor) -> int:
        """Count in a tool that is not async."""
        return int(anyio.from_thread.run(accessor.current().increment_count))

    @server.prompt()
    async def ask(topic: str, kinds: accessor) -> str:
        """Ask for something, with the number of times that it was asked."""
        assert accessor.current().id == kinds.id
        return f"{topic}, {await kinds.increment_count()}"

    @server.prompt()
    def ask_in_a_thread(topic: str, kinds: accessor) -> str:
        """Do the same in a prompt that is not async."""
        return f"{topic}, {anyio.from_thread.run(kinds.increment_count)}"

    @server.prompt()
    async def ask_here(topic: str) -> str:
        """Do the same without a parameter."""
        return f"{topic}, {await accessor.current().increment_count()}"

    @server.prompt()
    async def crash(topic: str) -> str:
        """Fail in a way that is nobody's business."""
        raise ValueError("a secret")

    @server.resource("count://{kinds}/value")
    async def counted(kinds: accessor) -> str:
        """Read the counter of a handle."""
        return str(await kinds.get_count())

    @server.resource("count://now")
    async def counted_here() -> str:
        """Read the counter of the client."""
        return str(await accessor.current().get_count())

    return server


async def prompt(client: Client, name: str, **arguments: str) -> str:
    result = await client.get_prompt(name, {"topic": "why", **arguments})
    return str(getattr(result.messages[0].content, "text"))  # noqa: B009 -- it is one of several kinds


async def resource(client: Client, uri: str) -> str:
    return str(getattr((await client.read_resource(uri)).contents[0], "text"))  # noqa: B009 -- it is one of two kinds


async def test_a_client_with_a_session_has_one_state_in_all_that_a_server_offers(server: MCPServer) -> None:
    async with Client(server, mode="legacy") as client:
        assert text_of(await client.call_tool("count", {})) == "1"
        assert await prompt(client, "ask") == "why, 2"
        assert await prompt(client, "ask_here") == "why, 3"
        assert await prompt(client, "ask_in_a_thread") == "why, 4"
        assert text_of(await client.call_tool("count_in_a_thread", {})) == "5"
        assert await resource(client, "count://now") == "5"
        assert current_call() is None


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_handle_names_one_state_in_all_that_a_server_offers(server: MCPServer, mode: Any) -> None:
    async with Client(server, mode=mode) as client:
        handle = handle_in(await client.call_tool("create_kinds", {}), "kinds")
        assert text_of(await client.call_tool("count", {"kinds": handle})) == "1"
        assert await prompt(client, "ask", kinds=handle) == "why, 2"
        assert await prompt(client, "ask_in_a_thread", kinds=handle) == "why, 3"
        assert text_of(await client.call_tool("count_in_a_thread", {"kinds": handle})) == "4"
        assert await resource(client, f"count://{handle}/value") == "4"


async def test_prompts_and_resources_say_what_is_missing(server: MCPServer) -> None:
    async with Client(server) as client:
        with pytest.raises(MCPError, match="Call create_kinds first"):
            await prompt(client, "ask")
        with pytest.raises(MCPError, match="there is no such kinds session"):
            await prompt(client, "ask", kinds="kinds_guessed")
        with pytest.raises(MCPError, match="there is no such kinds session"):
            await resource(client, "count://kinds_guessed/value")
        with pytest.raises(MCPError, match="MCP revisions from 2026-07-28 on have none"):
            await resource(client, "count://now")


async def test_other_errors_of_prompts_stay_hidden(server: MCPServer) -> None:
    async with Client(server) as client:
        with pytest.raises(MCPError) as raised:
            await prompt(client, "crash")
        assert "secret" not in str(raised.value)


async def test_a_server_that_is_called_by_a_tool_of_another_does_not_take_its_session(kinds: Any) -> None:
    store = MemoryStore()
    servers = []
    for name in ("inner", "outer"):
        sessions = Sessions(store, schemas=[UntypedSession])
        servers.append(MCPServer(name, extensions=[sessions], log_level="WARNING"))
    inner, outer = servers

    @inner.tool()
    async def look() -> str:
        """Tell which session is meant."""
        return UntypedSession.current().id

    @outer.tool()
    async def ask() -> list[str]:
        """Tell which session is meant here and there."""
        async with Client(inner, mode="legacy") as client:
            return [UntypedSession.current().id, text_of(await client.call_tool("look", {}))]

    async with Client(outer, mode="legacy") as client:
        result = await client.call_tool("ask", {})
    assert result.structured_content is not None
    here, there = result.structured_content["result"]
    assert here != there
