"""The places of the SDK that have no documented name: these tests fail when it moves them."""

import inspect
from contextvars import ContextVar
from typing import Any

import pytest
from mcp import Client
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, ToolBinding
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp.server.streamable_http import EventStore
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp_types import CallToolRequestParams
from starlette.authentication import UnauthenticatedUser
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.runtime.streaming import Wire

from mcp_sessions import SessionRequiredError, UntypedSession, owner_of, sdk
from mcp_sessions.context import Caller
from mcp_sessions.server import Sessions

pytestmark = pytest.mark.anyio


def test_our_errors_are_the_sdks_anticipated_ones() -> None:
    assert isinstance(SessionRequiredError("x"), ToolError)
    assert isinstance(SessionRequiredError("x"), ResourceError)


def test_the_owner_is_the_principal_of_the_access_token() -> None:
    assert sdk.current_caller() == Caller()
    token = AccessToken(token="t", client_id="c", scopes=[], subject="s", claims={"iss": "i"})
    reset = auth_context_var.set(AuthenticatedUser(token))
    try:
        assert sdk.current_caller() == Caller(owner_of("c", "i", "s"), individual=True)
    finally:
        auth_context_var.reset(reset)
    reset = auth_context_var.set(AuthenticatedUser(AccessToken(token="t", client_id="c", scopes=[])))
    try:
        assert sdk.current_caller() == Caller(owner_of("c", None, None), individual=False)
    finally:
        auth_context_var.reset(reset)


def test_revisions_up_to_2025_have_a_handshake() -> None:
    assert all(sdk.has_handshake(version) for version in ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"))
    assert not any(sdk.has_handshake(version) for version in ("2026-07-28", "2030-01-01", "", "zzz"))


class Watcher(Extension):
    """Keeps what ``connection_of`` says of each call."""

    identifier = "test.example/watcher"

    def __init__(self) -> None:
        self.seen: list[object | None] = []

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        self.seen.append(sdk.connection_of(ctx))
        return await call_next(ctx)


async def test_a_legacy_connection_is_one_object_and_a_modern_one_is_none() -> None:
    watcher = Watcher()
    server = MCPServer("test", extensions=[watcher], log_level="WARNING")

    @server.tool()
    def noop() -> str:
        """Nothing."""
        return ""

    async with Client(server, mode="legacy") as one, Client(server, mode="legacy") as two, Client(server) as modern:
        for client in (one, two, one, modern):
            await client.call_tool("noop", {})
    first, second, again, none = watcher.seen
    assert first is not None
    assert second is not None
    assert first is again
    assert first is not second
    assert none is None


async def test_the_innermost_place_is_the_one_that_requests_go_through() -> None:
    import httpx2

    server = MCPServer("test", log_level="WARNING")
    app = server.streamable_http_app(stateless_http=True)
    passed: list[str] = []

    def wrap(inner: ASGIApp, manager: Any) -> ASGIApp:
        async def watch(scope: Scope, receive: Receive, send: Send) -> None:
            passed.append(scope["path"])
            await inner(scope, receive, send)

        return watch

    sdk.wrap_innermost(server.session_manager, wrap)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:8000") as http,
    ):
        await http.post("/mcp", json={})
    assert passed == ["/mcp"]


def test_without_that_place_nothing_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = Sessions(schemas=[UntypedSession])
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")
    real = server.streamable_http_app

    def moved(**options: Any) -> Any:
        app = real(**options)
        del server.session_manager.asgi_app
        return app

    monkeypatch.setattr(server, "streamable_http_app", moved)
    with pytest.raises(RuntimeError, match=r"no session_manager\.asgi_app"):
        sessions.http_app(server)


class Reserving(Extension):
    """Has a name for its tool alone."""

    identifier = "test.example/reserving"

    def tools(self) -> list[ToolBinding]:
        sdk.reserve_tools({"mine": "that name is taken"})
        return [ToolBinding(lambda: "", kwargs={"name": "mine"})]


def test_a_server_that_is_being_made_is_found_by_its_extensions() -> None:
    class Deeper(Reserving):
        def tools(self) -> list[ToolBinding]:
            return super().tools()

    for extension in (Reserving(), Deeper()):
        server = MCPServer("test", extensions=[extension], log_level="WARNING")
        with pytest.raises(ValueError, match="that name is taken"):
            server.add_tool(lambda: "", "mine")
    assert Reserving().tools(), "nothing is reserved where no server asks"


def test_authentication_leaves_its_mark_in_the_scope() -> None:
    user = AuthenticatedUser(AccessToken(token="t", client_id="c", scopes=[]))
    assert not sdk.has_user({})
    assert sdk.has_user({"user": UnauthenticatedUser()})
    assert sdk.has_user({"user": user})
    assert not sdk.caller_is_hidden({})
    assert not sdk.caller_is_hidden({"user": UnauthenticatedUser()})
    assert sdk.caller_is_hidden({"user": user})
    reset = auth_context_var.set(user)
    try:
        assert not sdk.caller_is_hidden({"user": user})
    finally:
        auth_context_var.reset(reset)


def test_a_stream_is_taken_by_whoever_accepts_one() -> None:
    for accept, taken in (("text/event-stream", True), ("*/*", True), ("application/json", False), ("", False)):
        scope = {"type": "http", "headers": [(b"accept", accept.encode())]}
        assert sdk.accepts_stream(Request(scope)) is taken


async def test_the_tasks_of_a_stateful_session_have_the_context_of_initialize_and_its_calls_that_of_their_request() -> (
    None
):
    marked: ContextVar[str] = ContextVar("marked", default="")
    seen: dict[str, list[str]] = {"events": [], "calls": []}

    class Events(EventStore):
        async def store_event(self, stream_id: str, message: Any) -> str:
            seen["events"].append(marked.get())
            return ""

        async def replay_events_after(self, last_event_id: str, send_callback: Any) -> None:
            return None

    server = MCPServer("test", log_level="WARNING")

    @server.tool()
    def look() -> str:
        """Look."""
        seen["calls"].append(marked.get())
        return ""

    app = server.streamable_http_app(event_store=Events())
    async with app.router.lifespan_context(app):
        wire = Wire(app)
        marked.set("initialize")
        await wire.initialize()
        marked.set("call")
        seen["events"].clear()
        await wire.call("look")
    assert seen == {"events": ["call", "initialize"], "calls": ["call"]}  # the priming event, and the answer


class Looker(Extension):
    """Keeps what the SDK says of the connection of each call of a tool."""

    identifier = "test.example/looker"

    def __init__(self) -> None:
        self.channels: list[object | None] = []
        self.ends: list[str] = []

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        channel = sdk.channel_of(ctx)
        self.channels.append(channel)
        assert sdk.is_open(ctx)
        if channel is not None and not channel.state:
            channel.state["seen"] = True

            async def note() -> None:
                self.ends.append("closed")

            channel.exit_stack.push_async_callback(note)
        return await call_next(ctx)


async def test_a_legacy_connection_is_one_object_with_a_state_and_an_end() -> None:
    looker = Looker()
    server = MCPServer("test", extensions=[looker], log_level="WARNING")

    @server.tool()
    async def nothing() -> str:
        """Do nothing."""
        return ""

    async with Client(server, mode="legacy") as client:
        await client.call_tool("nothing", {})
        await client.call_tool("nothing", {})
        one, two = looker.channels
        assert one is two is not None
        assert looker.ends == []
    assert looker.ends == ["closed"]
    async with Client(server) as client:
        await client.call_tool("nothing", {})
    assert looker.channels[2:] == [None]


def test_the_bus_of_a_server_is_the_one_that_it_was_given() -> None:
    bus = InMemorySubscriptionBus()
    assert sdk.bus_of(MCPServer("test", subscriptions=bus)) is bus
    assert sdk.bus_of(MCPServer("test")) is not bus


def test_the_functions_of_tools_and_prompts_are_found() -> None:
    def nothing() -> None: ...

    server = MCPServer("test", log_level="WARNING")
    server.add_tool(nothing)
    server.prompt()(nothing)
    (tool, function), (prompt, wrapped) = sdk.functions_of(server)
    assert (tool, function) == ("the tool 'nothing'", nothing)
    assert (prompt, inspect.unwrap(wrapped)) == ("the prompt 'nothing'", nothing)
