"""``Sessions`` in a real server, called by the SDK's real client in memory, in both eras."""

import gc
import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio.from_thread
import pytest
from fastmcp import FastMCP
from mcp import Client
from mcp.server import MCPServer
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, TextContent

from mcp_sessions import Session, SessionSchema, StoreError, UntypedSession
from mcp_sessions.context import current_call
from mcp_sessions.server import Sessions
from mcp_sessions.stores import Access, MemoryStore, NotLiveError

pytestmark = pytest.mark.anyio


def text_of(result: CallToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, TextContent))


def handle_in(result: CallToolResult, name: str) -> str:
    assert result.structured_content is not None
    return str(result.structured_content[name])


@pytest.fixture
def server(kinds: Any) -> MCPServer:
    sessions = Sessions(MemoryStore(), schemas=[kinds.KindsSession, UntypedSession])
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")
    accessor: Any = kinds.KindsSession

    @server.tool()
    async def count(kinds: accessor, by: int = 1) -> int:
        """Count."""
        return int(await kinds.increment_count(by))

    @server.tool()
    async def count_both_ways(kinds: accessor) -> str:
        """Look at the session as an argument and as the current one."""
        current = accessor.current()
        await current.increment_count()
        return "the same session" if current.id == kinds.id and await kinds.has_count() else "two sessions"

    @server.tool()
    async def count_here(by: int = 1) -> int:
        """Count without a parameter for the session."""
        return int(await accessor.current().increment_count(by))

    @server.tool()
    def count_in_a_thread(kinds: accessor) -> int:
        """Count in a tool that is not async."""
        return int(anyio.from_thread.run(kinds.increment_count))

    @server.tool()
    async def title(kinds: accessor, value: str) -> str:
        """Set the title."""
        await kinds.set_title(value)
        return str(await kinds.get_title())

    @server.tool()
    async def remember(key: str, value: str, session: UntypedSession) -> list[str]:
        """Keep anything."""
        await session.set(key, value)
        return await session.keys()

    return server


async def test_the_accessor_is_an_optional_string_in_the_tools_input_schema(server: MCPServer) -> None:
    async with Client(server) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    schema = tools["count"].input_schema
    assert schema["properties"]["kinds"]["type"] == "string"
    assert "The handle of a kinds session" in schema["properties"]["kinds"]["description"]
    assert "required" not in schema
    assert set(tools["count_here"].input_schema["properties"]) == {"by"}


async def test_create_and_end_tools_say_what_they_do_and_how_long_a_session_is_kept(server: MCPServer) -> None:
    async with Client(server) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    create, end = tools["create_kinds"], tools["end_kinds"]
    assert create.description == (
        "Begin a new kinds session: one key of every kind. Returns its handle, which other tools take as their "
        "argument 'kinds'. It expires after 10 minutes without use, and at the latest 1 hour after it was created."
    )
    assert create.output_schema is not None
    assert set(create.output_schema["properties"]) == {"kinds", "retention"}
    assert end.input_schema["properties"]["kinds"]["type"] == "string"
    assert end.annotations is not None
    assert end.annotations.destructive_hint
    assert "30 minutes without use." in str(tools["create_session"].description)


async def test_a_legacy_connection_has_a_session_of_its_own_without_any_handle(server: MCPServer) -> None:
    async with Client(server, mode="legacy") as one, Client(server, mode="legacy") as two:
        assert text_of(await one.call_tool("count", {})) == "1"
        assert text_of(await one.call_tool("count_here", {"by": 4})) == "5"
        assert text_of(await two.call_tool("count", {})) == "1"
        assert text_of(await one.call_tool("count", {"kinds": ""})) == "6"


async def test_a_sync_tool_reaches_its_session_from_its_thread(server: MCPServer) -> None:
    async with Client(server, mode="legacy") as client:
        await client.call_tool("count", {})
        assert text_of(await client.call_tool("count_in_a_thread", {})) == "2"


async def test_a_handle_works_in_both_eras_and_wins_over_the_connections_session(server: MCPServer) -> None:
    async with Client(server) as modern, Client(server, mode="legacy") as legacy:
        handle = handle_in(await modern.call_tool("create_kinds", {}), "kinds")
        assert text_of(await modern.call_tool("count", {"kinds": handle, "by": 10})) == "10"
        assert text_of(await legacy.call_tool("count", {"kinds": handle})) == "11"
        assert text_of(await legacy.call_tool("count", {})) == "1"


@pytest.mark.parametrize("tool", ["count", "count_both_ways", "count_here"])
async def test_a_modern_call_without_a_handle_names_the_tool_that_gives_one(
    server: MCPServer, tool: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Client(server) as client:
        with caplog.at_level(logging.INFO):
            result = await client.call_tool(tool, {})
    assert result.is_error
    advice = "the accessor as a parameter" if tool == "count_here" else "Call create_kinds first"
    assert advice in text_of(result)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    "handle", ["nonsense", "kinds_" + "a" * 32, "session_" + "a" * 32, "mcps-" + "a" * 32, "\0", "k" * 10_000, "a b"]
)
async def test_a_handle_that_names_nothing_gets_an_answer_that_names_the_create_tool(
    server: MCPServer, handle: str
) -> None:
    async with Client(server) as client:
        result = await client.call_tool("count", {"kinds": handle})
    assert result.is_error
    assert "there is no such kinds session" in text_of(result)
    assert "create_kinds" in text_of(result)


@pytest.mark.parametrize("value", [5, ["x"], {"a": 1}, True])
async def test_a_handle_that_is_no_string_gets_the_same_advice(server: MCPServer, value: Any) -> None:
    async with Client(server) as client:
        result = await client.call_tool("count", {"kinds": value})
    assert result.is_error
    assert "there is no such kinds session. Call create_kinds" in text_of(result)
    assert "pydantic" not in text_of(result)


async def test_the_current_session_is_the_one_whose_handle_the_call_gives(server: MCPServer) -> None:
    async with Client(server) as modern, Client(server, mode="legacy") as legacy:
        handle = handle_in(await modern.call_tool("create_kinds", {}), "kinds")
        for client in (modern, legacy):
            result = await client.call_tool("count_both_ways", {"kinds": handle})
            assert text_of(result) == "the same session"


async def test_an_ended_session_says_so(server: MCPServer) -> None:
    async with Client(server) as client:
        handle = handle_in(await client.call_tool("create_kinds", {}), "kinds")
        ended = await client.call_tool("end_kinds", {"kinds": handle})
        again = await client.call_tool("end_kinds", {"kinds": handle})
        result = await client.call_tool("count", {"kinds": handle})
    assert ended.structured_content == {"ended": True}
    assert again.structured_content == {"ended": False}
    assert result.is_error
    assert "has been ended" in text_of(result)
    assert "create_kinds" in text_of(result)


async def test_ending_without_a_handle_drops_the_state_of_the_connections_session(server: MCPServer) -> None:
    async with Client(server, mode="legacy") as client:
        await client.call_tool("count", {"by": 5})
        assert (await client.call_tool("end_kinds", {})).structured_content == {"ended": True}
        assert text_of(await client.call_tool("count", {})) == "1"


async def test_a_value_that_does_not_fit_is_told_to_the_model(server: MCPServer) -> None:
    async with Client(server, mode="legacy") as client:
        result = await client.call_tool("title", {"value": "much longer than ten"})
    assert result.is_error
    assert "title: string should have at most 10 characters" in text_of(result)
    assert "much longer" not in text_of(result)


async def test_schemas_share_a_connections_session_without_seeing_each_other(server: MCPServer) -> None:
    async with Client(server, mode="legacy") as client:
        await client.call_tool("title", {"value": "atlas"})
        result = await client.call_tool("remember", {"key": "k", "value": "v"})
    assert result.structured_content == {"result": ["k"]}


async def test_a_call_leaves_no_context_behind(server: MCPServer) -> None:
    async with Client(server, mode="legacy") as client:
        await client.call_tool("count", {})
        assert current_call() is None


async def test_what_a_connection_held_is_gone_with_it(kinds: Any) -> None:
    sessions = Sessions(MemoryStore(), schemas=[kinds.KindsSession])
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")
    accessor: Any = kinds.KindsSession

    @server.tool()
    async def count(kinds: accessor) -> int:
        """Count."""
        return int(await kinds.increment_count())

    async with Client(server, mode="legacy") as client:
        await client.call_tool("count", {})
        [first] = (await sessions.store.scan()).sessions
    gc.collect()
    async with Client(server, mode="legacy") as client:
        await client.call_tool("count", {})
        assert first.address not in [one.address for one in (await sessions.store.scan()).sessions]
    with pytest.raises(NotLiveError, match="ended"):
        await sessions.store.touch(Access(first.address))


async def test_an_accessor_that_is_not_listed_is_refused_in_both_eras(kinds: Any) -> None:
    server = MCPServer("test", extensions=[Sessions(schemas=[UntypedSession])], log_level="WARNING")
    accessor: Any = kinds.KindsSession

    @server.tool()
    async def count(kinds: accessor) -> int:
        """Count."""
        return int(await kinds.increment_count())

    async with Client(server) as modern, Client(server, mode="legacy") as legacy:
        for client in (modern, legacy):
            result = await client.call_tool("count", {})
            assert result.is_error
            assert "not set up for kinds state" in text_of(result)


async def test_a_handle_may_have_blanks_around_it(server: MCPServer) -> None:
    async with Client(server) as client:
        handle = handle_in(await client.call_tool("create_kinds", {}), "kinds")
        assert text_of(await client.call_tool("count", {"kinds": f" {handle}\n"})) == "1"


async def test_a_call_that_names_two_sessions_has_no_current_one(kinds: Any) -> None:
    server = MCPServer("test", extensions=[Sessions(schemas=[kinds.KindsSession])], log_level="WARNING")
    accessor: Any = kinds.KindsSession

    @server.tool()
    async def compare(one: accessor, two: accessor) -> int:
        """Compare."""
        return int(await accessor.current().get_count())

    async with Client(server) as client:
        handles = [handle_in(await client.call_tool("create_kinds", {}), "kinds") for _ in range(2)]
        result = await client.call_tool("compare", {"one": handles[0], "two": handles[1]})
        assert "this call names 2 kinds sessions" in text_of(result)
    async with Client(server, mode="legacy") as client:
        result = await client.call_tool("compare", {"two": handles[1]})
        assert "this call names 2 kinds sessions" in text_of(result)


async def test_where_no_handle_can_name_the_session_the_tool_has_no_argument() -> None:
    class Mine(UntypedSession, name="mine"):
        """Mine."""

    Mine.schema = replace(Mine.schema, scope="transport")
    server = MCPServer("test", extensions=[Sessions(schemas=[Mine])], log_level="WARNING")

    @server.tool()
    async def remember(key: str, mine: Mine) -> list[str]:
        """Keep a key."""
        await mine.set(key, True)
        return await mine.keys()

    async with Client(server) as modern, Client(server, mode="legacy") as legacy:
        [tool] = (await modern.list_tools()).tools
        assert set(tool.input_schema["properties"]) == {"key"}
        assert (await legacy.call_tool("remember", {"key": "a"})).structured_content == {"result": ["a"]}
        assert "scope 'auto' or 'handle'" in text_of(await modern.call_tool("remember", {"key": "a"}))
        refused = await legacy.call_tool("remember", {"key": "a", "mine": "mine_" + "a" * 32})
        assert "has no handles" in text_of(refused)


def test_two_schemas_of_one_name_are_refused(kinds: Any) -> None:
    class Twin(UntypedSession, name="kinds"):
        """The same name."""

    with pytest.raises(ValueError, match="two schemas are called 'kinds'"):
        Sessions(MemoryStore(), schemas=[kinds.KindsSession, Twin])


def test_a_schema_cannot_have_the_name_under_which_events_are_kept() -> None:
    class Taken(UntypedSession, name="#events"):
        """Taken."""

    with pytest.raises(ValueError, match="no schema can be called '#events'"):
        Sessions(MemoryStore(), schemas=[Taken])


def test_two_schemas_with_one_tool_name_are_refused() -> None:
    class One(Session[Any, Any], schema=SessionSchema(name="one", create_tool="begin")):
        """One."""

    class Two(Session[Any, Any], schema=SessionSchema(name="two", end_tool="begin")):
        """Two."""

    with pytest.raises(ValueError, match="two tools of schemas are called 'begin'"):
        Sessions(MemoryStore(), schemas=[One, Two])


async def test_only_schemas_with_handles_have_tools() -> None:
    class Mine(Session[Any, Any], schema=SessionSchema(name="mine", scope="user")):
        """Mine."""

    sessions = Sessions(MemoryStore(), schemas=[Mine, UntypedSession])
    assert [binding.kwargs["name"] for binding in sessions.tools()] == ["create_session", "end_session"]
    assert Sessions(MemoryStore(), schemas=[UntypedSession], tools=False).tools() == ()


@pytest.fixture
def shop() -> Sessions:
    class Mine(Session[Any, Any], schema=SessionSchema(name="cart", end_tool="drop", list_tool="carts")):
        """Mine."""

    return Sessions(MemoryStore(), schemas=[Mine])


def nothing() -> str:
    """Do nothing."""
    return ""


@pytest.mark.parametrize(("name", "verb"), [("create_cart", "create"), ("drop", "end"), ("carts", "list")])
def test_a_tool_that_is_called_as_one_of_ours_is_refused_where_it_is_registered(
    shop: Sessions, name: str, verb: str
) -> None:
    server = MCPServer("test", extensions=[shop], log_level="ERROR", warn_on_duplicate_tools=False)
    said = f"two tools are called '{name}': yours, and that of Sessions which {verb}s cart sessions. Rename yours; or "
    for register in (server.tool(name), server.tool(name=name, title="x"), lambda fn: server.add_tool(fn, name)):
        with pytest.raises(ValueError, match=said) as raised:
            register(nothing)
    assert f"tools: {{{verb}: ...}}  in YAML,  {verb}_tool=...  in Python" in str(raised.value)


def test_a_tool_that_has_such_a_name_by_its_function_or_comes_first_is_refused_too(shop: Sessions) -> None:
    def drop() -> str:
        """Drop."""
        return ""

    server = MCPServer("test", extensions=[shop], log_level="WARNING")
    with pytest.raises(ValueError, match="two tools are called 'drop'"):
        server.tool()(drop)
    with pytest.raises(ValueError, match="two tools are called 'drop'"):
        MCPServer("test", tools=[Tool.from_function(drop)], extensions=[shop], log_level="WARNING")


async def test_other_names_are_free_and_ours_too_once_our_tool_was_removed(shop: Sessions) -> None:
    server = MCPServer("test", extensions=[shop], log_level="WARNING")
    server.add_tool(nothing)
    server.add_tool(nothing, "create_carts")
    server.remove_tool("drop")
    server.add_tool(nothing, "drop", description="Mine.")
    tools = {tool.name: tool.description for tool in await server.list_tools()}
    assert tools.keys() == {"nothing", "create_cart", "create_carts", "carts", "drop"}
    assert tools["drop"] == "Mine."
    bare = Sessions(MemoryStore(), schemas=shop.schemas, tools=False)
    MCPServer("test", extensions=[bare], log_level="WARNING").add_tool(nothing, "create_cart")


def test_a_store_that_cannot_be_opened_is_an_error_at_the_start() -> None:
    with pytest.raises(StoreError, match="nonsense"):
        Sessions("nonsense://x", schemas=[])


async def test_serving_a_server_without_the_extension_is_refused() -> None:
    sessions = Sessions(MemoryStore(), schemas=[UntypedSession])
    with pytest.raises(ValueError, match=r"extensions=\[sessions\]"):
        sessions.http_app(MCPServer("other", log_level="WARNING"))
    with pytest.raises(ValueError, match=r"extensions=\[sessions\]"):
        sessions.run(MCPServer("other", log_level="WARNING"))
    MCPServer("its own", extensions=[sessions], log_level="WARNING")
    twin = MCPServer("twin", extensions=[Sessions(schemas=[UntypedSession])], log_level="WARNING")
    with pytest.raises(ValueError, match=r"extensions=\[sessions\]"):
        sessions.http_app(twin)
    with pytest.raises(ValueError, match="no transport 'carrier-pigeon'"):
        sessions.run(twin, "carrier-pigeon")  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("serve", ["run", "http_app", "attach"])
def test_what_is_no_server_of_the_sdk_is_told_what_to_do(serve: str) -> None:
    sessions = Sessions(MemoryStore(), schemas=[UntypedSession])
    MCPServer("its own", extensions=[sessions], log_level="WARNING")
    with pytest.raises(TypeError, match=r"the server comes first, as in sessions\.run\(mcp, 'http'\); got 'streamable"):
        getattr(sessions, serve)("streamable-http")
    with pytest.raises(TypeError, match=r"got FastMCP\. For .* fastmcp there is FastMCPSessions in mcp_sessions\.fast"):
        getattr(sessions, serve)(FastMCP("test"))


@pytest.mark.parametrize("kind", ["tool", "prompt"])
async def test_a_session_that_may_be_none_is_refused_when_the_server_starts(kind: str) -> None:
    async def optional(session: UntypedSession | None) -> str:
        return str(session)

    async def of_none(session: UntypedSession = None) -> str:  # type: ignore[assignment]  # that is the point
        return str(session)

    async def plain(session: UntypedSession, topic: str | None = None) -> UntypedSession | None:
        return session if topic else None

    for function in (optional, of_none, plain):
        sessions = Sessions(MemoryStore(), schemas=[UntypedSession])
        server = MCPServer("test", extensions=[sessions], log_level="WARNING")
        getattr(server, kind)(name="asking", **({"structured_output": False} if kind == "tool" else {}))(function)
        app = sessions.http_app(server)
        if function is plain:
            async with app.router.lifespan_context(app):
                continue
        said = rf"the {kind} 'asking' has a session that may be None.* write session: UntypedSession; clients may leave"
        for start in (app.router.lifespan_context(app).__aenter__, partial(sessions._serve_stdio, server)):
            with pytest.raises(TypeError, match=said):
                await start()


async def test_only_a_store_that_it_opened_is_closed() -> None:
    given = MemoryStore()
    await Sessions(given, schemas=[UntypedSession]).aclose()
    await UntypedSession.create(given)
    own = Sessions("memory://", schemas=[UntypedSession])
    await own.aclose()
    with pytest.raises(StoreError, match="closed"):
        await UntypedSession.create(own.store)


async def test_without_a_store_the_environment_names_it_or_it_is_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MCP_SESSIONS_STORE", raising=False)
    assert isinstance(Sessions(schemas=[UntypedSession]).store, MemoryStore)
    monkeypatch.setenv("MCP_SESSIONS_STORE", f"sqlite:///{tmp_path}/s.db")
    sessions = Sessions(schemas=[UntypedSession])
    app = sessions.http_app(MCPServer("test", extensions=[sessions], log_level="WARNING"))
    async with app.router.lifespan_context(app):
        await UntypedSession.create(sessions.store)
    with pytest.raises(StoreError, match="closed"):
        await UntypedSession.create(sessions.store)
    assert isinstance(Sessions("memory://", schemas=[UntypedSession]).store, MemoryStore)
    monkeypatch.setenv("MCP_SESSIONS_STORE", "nowhere")
    with pytest.raises(StoreError, match="from MCP_SESSIONS_STORE"):
        Sessions(schemas=[UntypedSession])


def test_an_argument_that_is_missing_or_unknown_is_told_by_the_name_that_the_user_wrote() -> None:
    make: Any = Sessions
    with pytest.raises(TypeError, match=r"^Sessions\.__init__\(\) missing .* 'schemas'"):
        make("memory://")
    with pytest.raises(TypeError, match=r"^Sessions\.__init__\(\) got an unexpected keyword argument 'schema'"):
        make(schema=[UntypedSession])


@pytest.mark.parametrize("nothing", [5, {"password": "hunter2"}, MemoryStore])
def test_what_is_no_store_is_refused(nothing: Any) -> None:
    with pytest.raises(TypeError, match="store is the URL of a store, or a store; got ") as raised:
        Sessions(nothing, schemas=[UntypedSession])
    assert "hunter2" not in str(raised.value)
