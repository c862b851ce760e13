"""``FastMCPSessions`` in a real server, called by FastMCP's own client in memory, in both eras."""

import gc
import logging
from dataclasses import replace
from typing import Any

import anyio
import pytest
from fastmcp import Client, Context, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.middleware import Middleware
from mcp.shared.exceptions import MCPError
from tests.fastmcp.servers import call, handle_of, make_server, prompt, refused, resource, text_of, told
from tests.runtime.test_create_keys import KEYS, BegunSession

from mcp_sessions import Limits, Session, SessionSchema, StoreError, UntypedSession
from mcp_sessions.context import current_call
from mcp_sessions.fastmcp import FastMCPSessions
from mcp_sessions.server import Sessions
from mcp_sessions.stores import Access, MemoryStore, NotLiveError

pytestmark = pytest.mark.anyio

ERAS = ["legacy", "auto"]


@pytest.fixture
def server(kinds: Any) -> FastMCP[Any]:
    return make_server(kinds)[0]


async def test_the_accessor_is_an_optional_string_in_what_a_client_is_told(server: FastMCP[Any]) -> None:
    async with Client(server) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
        prompts = {one.name: one for one in await client.list_prompts()}
    schema = tools["count"].input_schema
    assert schema["properties"]["kinds"]["type"] == "string"
    assert "The handle of a kinds session" in schema["properties"]["kinds"]["description"]
    assert "required" not in schema
    assert set(tools["count_here"].input_schema["properties"]) == {"by"}
    assert [(one.name, one.required) for one in prompts["ask"].arguments or ()] == [("topic", True), ("kinds", False)]


async def test_the_create_and_end_tools_are_those_of_the_sdks_servers(server: FastMCP[Any], kinds: Any) -> None:
    async with Client(server) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
    bindings = {tool.kwargs["name"]: tool for tool in Sessions(schemas=[kinds.KindsSession, UntypedSession]).tools()}
    assert set(bindings) == {"create_kinds", "end_kinds", "create_session", "end_session"}
    for name, binding in bindings.items():
        assert tools[name].description == binding.kwargs["description"]
        assert tools[name].annotations == binding.kwargs["annotations"]
    answer = tools["create_kinds"].output_schema
    assert answer is not None
    assert set(answer["properties"]) == {"kinds", "retention"}
    assert tools["end_kinds"].input_schema["properties"]["kinds"]["type"] == "string"


@pytest.mark.parametrize("mode", ERAS)
async def test_the_two_modes_of_the_client_are_the_two_eras(server: FastMCP[Any], mode: Any) -> None:
    seen: list[str] = []

    @server.tool
    def look(ctx: Context) -> str:
        """Look."""
        request = ctx.request_context
        assert request is not None
        seen.append(request.protocol_version)
        return ""

    async with Client(server, mode=mode) as client:
        await told(client, "look")
    assert seen == ["2025-11-25" if mode == "legacy" else "2026-07-28"]


async def test_a_legacy_client_has_one_state_in_all_that_a_server_offers(server: FastMCP[Any]) -> None:
    async with Client(server, mode="legacy") as one, Client(server, mode="legacy") as two:
        assert await told(one, "count") == "1"
        assert await prompt(one, "ask") == "why, 2"
        assert await prompt(one, "ask_in_a_thread") == "why, 3"
        assert await told(one, "count_in_a_thread") == "4"
        assert await told(one, "count_here") == "5"
        assert await resource(one, "count://now") == "5"
        assert await told(two, "count") == "1"
        assert current_call() is None


@pytest.mark.parametrize("mode", ERAS)
async def test_a_handle_names_one_state_in_all_that_a_server_offers(server: FastMCP[Any], mode: Any) -> None:
    async with Client(server, mode=mode) as client:
        handle = await handle_of(client)
        assert await told(client, "count", kinds=handle) == "1"
        assert await prompt(client, "ask", kinds=handle) == "why, 2"
        assert await prompt(client, "ask_in_a_thread", kinds=handle) == "why, 3"
        assert await told(client, "count_in_a_thread", kinds=handle) == "4"
        assert await resource(client, f"count://{handle}/value") == "4"


@pytest.mark.parametrize("masked", [True, False])
async def test_a_modern_call_without_a_handle_is_told_what_to_do(
    kinds: Any, masked: bool, caplog: pytest.LogCaptureFixture
) -> None:
    server, _ = make_server(kinds, mask_error_details=masked)
    with caplog.at_level(logging.INFO):
        async with Client(server) as client:
            assert (await refused(client, "count")).startswith("this call names no kinds session. Call create_kinds")
            assert "the accessor as a parameter" in await refused(client, "count_here")
            assert "there is no such kinds session" in await refused(client, "count", kinds="kinds_guessed")
            with pytest.raises(MCPError, match="Call create_kinds first"):
                await prompt(client, "ask")
            with pytest.raises(MCPError, match="there is no such kinds session"):
                await prompt(client, "ask", kinds="kinds_guessed")
            with pytest.raises(MCPError, match="there is no such kinds session"):
                await resource(client, "count://kinds_guessed/value")
            with pytest.raises(MCPError, match="MCP revisions from 2026-07-28 on have none"):
                await resource(client, "count://now")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("value", [5, ["x"], {"a": 1}, True, "", " ", "null"])
@pytest.mark.parametrize("strict", [True, False])
async def test_whatever_is_given_as_a_handle_gets_advice(kinds: Any, strict: bool, value: Any) -> None:
    server, _ = make_server(kinds, strict_input_validation=strict)
    async with Client(server) as client:
        said = await refused(client, "count", kinds=value)
    assert "create_kinds" in said
    assert "pydantic" not in said


async def test_an_ended_session_says_so(server: FastMCP[Any]) -> None:
    async with Client(server) as client:
        handle = await handle_of(client)
        ended = [(await call(client, "end_kinds", kinds=handle)).structured_content for _ in range(2)]
        assert ended == [{"ended": True}, {"ended": False}]
        assert "has been ended" in await refused(client, "count", kinds=handle)


async def test_a_value_that_does_not_fit_is_told_without_the_value(server: FastMCP[Any]) -> None:
    async with Client(server, mode="legacy") as client:
        said = await refused(client, "title", value="much longer than ten")
    assert "title: string should have at most 10 characters" in said
    assert "much longer" not in said


async def test_errors_are_those_that_fastmcp_shows(kinds: Any) -> None:
    server, _ = make_server(kinds, mask_error_details=True)
    caught: list[type[BaseException]] = []

    class Watch(Middleware):
        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            try:
                return await call_next(context)
            except ToolError as error:
                caught.extend(type(error).__mro__)
                raise

    server.add_middleware(Watch())
    async with Client(server) as client:
        await refused(client, "count")
    assert {"SessionRequiredError", "ToolError", "ResourceError", "PromptError"} <= {one.__name__ for one in caught}


async def test_a_store_that_fails_is_an_error_in_the_log(kinds: Any, caplog: pytest.LogCaptureFixture) -> None:
    server, sessions = make_server(kinds)
    async with Client(server, mode="legacy") as client:
        await sessions.aclose()
        with caplog.at_level(logging.ERROR):
            assert "session store" in await refused(client, "count")
    assert {record.levelname for record in caplog.records} == {"ERROR"}


async def test_a_required_argument_of_the_create_tool_is_asked_for_without_repeating_the_others() -> None:
    sessions = FastMCPSessions(schemas=[BegunSession])
    server: FastMCP[Any] = FastMCP("test")
    sessions.add_to(server)

    @server.tool
    async def look(begun: BegunSession) -> str:
        """Look."""
        return str(await begun._get(KEYS[0]))

    for mode in ERAS:
        async with Client(server, mode=mode) as client:
            said = await refused(client, "create_begun", code="SECRET", level="low")
            assert said == "create_begun needs the argument title."
            said = await refused(client, "create_begun", title="t", code="SECRET")
            assert "SECRET" not in said
            made = (await call(client, "create_begun", title="true", due="2026-01-02", level="low")).structured_content
            assert made is not None
            assert await told(client, "look", begun=made["begun"]) == "true"


@pytest.mark.parametrize("strict", [True, False])
async def test_an_argument_that_our_tools_do_not_have_is_refused_without_its_value(
    strict: bool, caplog: pytest.LogCaptureFixture
) -> None:
    sessions = FastMCPSessions(schemas=[BegunSession, UntypedSession])
    server: FastMCP[Any] = FastMCP("test", strict_input_validation=strict)
    sessions.add_to(server)
    async with Client(server) as client:
        told_by_us = {
            "create_begun": "create_begun has no argument colour; it takes title, due, lines, code, level.",
            "create_session": "create_session has no argument colour; it takes none.",
            "end_session": "end_session has no argument colour; it takes session.",
        }
        for tool, words in told_by_us.items():
            said = await refused(client, tool, colour="SECRET", **({"title": "t"} if tool == "create_begun" else {}))
            assert said == words
    assert caplog.messages == []


async def test_a_call_leaves_no_context_behind(server: FastMCP[Any]) -> None:
    async with Client(server, mode="legacy") as client:
        await call(client, "count")
        assert current_call() is None


async def test_what_a_connection_held_is_gone_with_it(kinds: Any) -> None:
    server, sessions = make_server(kinds, MemoryStore())
    async with Client(server, mode="legacy") as first:
        await told(first, "count")
        [held] = (await sessions.store.scan()).sessions
        async with Client(server, mode="legacy") as second:
            await told(second, "count")
        gc.collect()
        await told(first, "count")
        assert [one.address for one in (await sessions.store.scan()).sessions] == [held.address]
    with pytest.raises(NotLiveError, match="ended"):  # the server's lifespan is over
        await sessions.store.touch(Access(held.address))


async def test_a_tool_that_calls_another_has_a_session_of_its_own_to_name(server: FastMCP[Any], kinds: Any) -> None:
    accessor: Any = kinds.KindsSession

    @server.tool
    async def twice(kinds: accessor, ctx: Context) -> str:
        """Count here, and in another tool."""
        inner = await ctx.fastmcp.call_tool("count", {"kinds": await other()})
        assert accessor.current().id == kinds.id
        return f"{await kinds.increment_count()} {inner.structured_content}"

    async def other() -> str:
        made = await server.call_tool("create_kinds", {})
        assert made.structured_content is not None
        return str(made.structured_content["kinds"])

    async with Client(server) as client:
        assert await told(client, "twice", kinds=await handle_of(client)) == "1 {'result': 1}"


async def test_other_middlewares_may_use_accessors_wherever_they_were_added(server: FastMCP[Any], kinds: Any) -> None:
    seen: list[int] = []

    class Watch(Middleware):
        async def on_list_tools(self, context: Any, call_next: Any) -> Any:
            seen.append(await kinds.KindsSession.current().get_count())
            return await call_next(context)

    server.middleware.insert(1, Watch())
    async with Client(server, mode="legacy") as client:
        await told(client, "count", by=4)
        await client.list_tools()
    assert set(seen) == {4}


async def test_hooks_are_told_of_sessions_that_begin_and_end(kinds: Any) -> None:
    server, sessions = make_server(kinds)
    told_of: list[str] = []

    @sessions.on_start(kinds.KindsSession)
    async def opened(one: Any) -> None:
        told_of.append("begun")

    @sessions.on_end(kinds.KindsSession)
    async def closed(one: Any, reason: str) -> None:
        told_of.append(f"{reason} at {await one.get_count()}")

    async with Client(server) as client:
        handle = await handle_of(client)
        await told(client, "count", kinds=handle, by=3)
        await told(client, "end_kinds", kinds=handle)
        async with Client(server, mode="legacy") as legacy:
            await told(legacy, "count", by=7)
    assert told_of == ["begun", "ended at 3", "begun", "ended at 7"]


async def test_limits_hold(kinds: Any) -> None:
    sessions = FastMCPSessions(schemas=[UntypedSession], limits=Limits(value_bytes=10, all_sessions=1))
    server: FastMCP[Any] = FastMCP("test")
    sessions.add_to(server)

    @server.tool
    async def remember(value: str, session: UntypedSession) -> list[str]:
        """Keep something."""
        await session.set("a", value)
        return await session.keys()

    async with Client(server) as client:
        handle = await handle_of(client, "create_session", "session")
        assert "10 are allowed" in await refused(client, "remember", value="x" * 20, session=handle)
        assert "sessions" in await refused(client, "create_session")


async def test_a_long_call_keeps_its_session_alive(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore(clock=clock)
    sessions = FastMCPSessions(store, schemas=[UntypedSession], idle="1s")
    server: FastMCP[Any] = FastMCP("test")
    sessions.add_to(server)
    touched = anyio.Event()
    real = store.touch

    async def touch(*arguments: Any, **options: Any) -> Any:
        touched.set()
        return await real(*arguments, **options)

    @server.tool
    async def wait(session: UntypedSession) -> str:
        """Wait until somebody has kept the session alive."""
        await session.set("a", 1)
        monkeypatch.setattr(store, "touch", touch)
        with anyio.fail_after(20):
            await touched.wait()
        return "kept"

    async with Client(server) as client:
        assert await told(client, "wait", session=await handle_of(client, "create_session", "session")) == "kept"


async def test_where_no_handle_can_name_the_session_the_tool_has_no_argument() -> None:
    class Mine(UntypedSession, name="mine"):
        """Mine."""

    Mine.schema = replace(Mine.schema, scope="transport")
    sessions = FastMCPSessions(schemas=[Mine])
    server: FastMCP[Any] = FastMCP("test")
    sessions.add_to(server)

    @server.tool
    async def remember(key: str, mine: Mine) -> list[str]:
        """Keep a key."""
        await mine.set(key, True)
        return await mine.keys()

    @server.prompt
    async def ask(topic: str, mine: Mine) -> str:
        """Ask."""
        return f"{topic} {await mine.keys()}"

    async with Client(server) as modern, Client(server, mode="legacy") as legacy:
        [tool], [asking] = await modern.list_tools(), await modern.list_prompts()
        assert set(tool.input_schema["properties"]) == {"key"}
        assert [one.name for one in asking.arguments or ()] == ["topic"]
        assert (await call(legacy, "remember", key="a")).data == ["a"]
        assert await prompt(legacy, "ask") == "why ['a']"
        assert "scope 'auto' or 'handle'" in await refused(modern, "remember", key="a")


async def test_without_a_request_there_is_no_session_and_the_error_says_where_there_is_one(
    server: FastMCP[Any],
) -> None:
    with pytest.raises(ToolError, match="there is no MCP call here"):
        await server.call_tool("count", {})


def test_sessions_are_added_once_and_no_others_besides(kinds: Any) -> None:
    server, sessions = make_server(kinds)
    middlewares, providers = len(server.middleware), len(server.providers)
    sessions.add_to(server)
    assert (len(server.middleware), len(server.providers)) == (middlewares, providers)
    with pytest.raises(ValueError, match="the server 'test' has sessions already"):
        FastMCPSessions(schemas=[UntypedSession]).add_to(server)


def test_a_server_of_the_sdk_is_sent_to_the_other_class() -> None:
    from mcp.server import MCPServer

    server: Any = MCPServer("test")
    with pytest.raises(TypeError, match=r"got MCPServer\. For an MCPServer there is Sessions in mcp_sessions\.server"):
        FastMCPSessions(schemas=[UntypedSession]).add_to(server)
    extension: Any = FastMCPSessions(schemas=[UntypedSession])
    with pytest.raises(TypeError, match=r"For an MCPServer there is Sessions in mcp_sessions\.server"):
        MCPServer("test", extensions=[extension])


async def test_a_tool_that_would_hide_one_of_ours_is_refused_at_the_start(server: FastMCP[Any]) -> None:
    @server.tool
    def create_kinds() -> str:
        """Begin something else."""
        return ""

    with pytest.raises(RuntimeError, match="a tool of its own called 'create_kinds'"):  # FastMCP's client wraps it
        async with Client(server):
            raise AssertionError("the server began")


@pytest.mark.parametrize("kind", ["tool", "prompt"])
@pytest.mark.parametrize("mounted", [True, False])
async def test_a_session_that_may_be_none_is_refused_at_the_start(
    kinds: Any, server: FastMCP[Any], kind: str, mounted: bool
) -> None:
    accessor: Any = kinds.KindsSession
    inner: FastMCP[Any] = FastMCP("inner")
    server.mount(inner, namespace="inner")

    async def ask(kinds: accessor | None = None) -> str:
        """Ask."""
        return str(kinds)

    getattr(inner if mounted else server, kind)(ask, name="asking")
    with pytest.raises(RuntimeError, match=rf"the {kind} 'asking' has a session that may be None.*: KindsSession;"):
        await Client(server).__aenter__()


async def test_tools_are_left_out_where_nobody_wants_them(kinds: Any) -> None:
    sessions = FastMCPSessions(schemas=[kinds.KindsSession], tools=False)
    server: FastMCP[Any] = FastMCP("test")
    sessions.add_to(server)
    async with Client(server) as client:
        assert await client.list_tools() == []


async def test_migrations_that_are_missing_show_at_the_start(kinds: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server, _ = make_server(kinds)

    def missing(schema: Any) -> None:
        raise StoreError(f"{schema.name} has no migrations")

    monkeypatch.setattr("mcp_sessions.hosting.require_migrations", missing)
    with pytest.raises(RuntimeError, match="kinds has no migrations"):  # FastMCP's client wraps what the server raises
        async with Client(server):
            raise AssertionError("the server began")


async def test_a_client_in_memory_may_come_again(kinds: Any) -> None:
    server, _ = make_server(kinds)
    async with Client(server) as client:
        handle = await handle_of(client)
    async with Client(server) as client:
        assert await told(client, "count", kinds=handle) == "1"


async def test_an_argument_may_be_called_as_a_method_of_pydantics() -> None:
    class Copied(Session[Any, str], schema=SessionSchema(name="copy", keys=())):
        """Something to copy."""

    sessions = FastMCPSessions(schemas=[Copied])
    server: FastMCP[Any] = FastMCP("test")
    sessions.add_to(server)
    async with Client(server) as client:
        handle = await handle_of(client, "create_copy", "copy")
        assert text_of(await call(client, "end_copy", copy=handle)) == '{"ended":true}'
