"""The places of FastMCP that have no documented name: these tests fail when it moves them."""

import logging
from types import SimpleNamespace
from typing import Any

import mcp_types
import pytest
from fastmcp import Client, FastMCP
from fastmcp.exceptions import FastMCPError, PromptError, ResourceError, ToolError
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier
from fastmcp.server.middleware import Middleware, MiddlewareContext
from starlette.applications import Starlette

from mcp_sessions import SessionConflictError, SessionDataError, SessionKeyError, SessionRequiredError, StoreError
from mcp_sessions.errors import InterfaceError, SessionError, SessionMigrationError, StoreUrlError
from mcp_sessions.fastmcp import framework

pytestmark = pytest.mark.anyio


def all_below(kind: type[SessionError]) -> list[type[SessionError]]:
    declared = [one for one in kind.__subclasses__() if one._declared is one]
    return [kind, *(each for one in declared for each in all_below(one))]


@pytest.mark.parametrize("kind", all_below(SessionError))
def test_each_of_our_errors_is_one_that_fastmcp_shows_and_can_log(kind: type[SessionError]) -> None:
    error = kind("x")
    assert isinstance(error, ToolError)
    assert isinstance(error, ResourceError)
    assert isinstance(error, PromptError)
    assert isinstance(error, FastMCPError)
    assert error.log_level in (logging.DEBUG, logging.ERROR)


def test_what_the_operator_has_to_see_to_is_logged_as_an_error() -> None:
    levels = {
        kind: getattr(kind("x"), "log_level")  # noqa: B009 -- only with FastMCP it has one
        for kind in (SessionRequiredError, SessionConflictError, SessionKeyError, InterfaceError)
    }
    assert set(levels.values()) == {logging.DEBUG}
    for fault in (StoreError, StoreUrlError, SessionDataError, SessionMigrationError):
        assert getattr(fault("x"), "log_level") == logging.ERROR  # noqa: B009 -- the same


@pytest.mark.parametrize("auth", [True, False])
def test_the_endpoint_is_found_inside_of_what_refuses_requests_without_a_token(auth: bool) -> None:
    verifier = StaticTokenVerifier({"t": {"client_id": "c", "scopes": []}}) if auth else None
    server: FastMCP[Any] = FastMCP("test", auth=verifier)

    @server.custom_route("/health", methods=["GET"])
    async def health(request: Any) -> Any:
        raise AssertionError("nobody asks")

    endpoint = framework.endpoint_of(server.http_app())
    with pytest.raises(RuntimeError, match="no session manager"):
        framework.manager_of(endpoint)


@pytest.mark.parametrize("stateless", [True, False])
async def test_the_endpoint_has_its_manager_while_the_application_runs(stateless: bool) -> None:
    app = FastMCP("test").http_app(stateless_http=stateless)
    async with app.lifespan(app):
        assert framework.manager_of(framework.endpoint_of(app)).stateless is stateless


def test_without_that_place_nothing_is_served() -> None:
    with pytest.raises(RuntimeError, match="no StreamableHTTPASGIApp"):
        framework.endpoint_of(Starlette())
    with pytest.raises(RuntimeError, match="no StreamableHTTPASGIApp"):
        framework.endpoint_of(FastMCP("test").http_app(transport="sse"))


def test_mounted_servers_are_found_at_any_depth_and_under_any_name() -> None:
    root, middle, leaf, bare = (FastMCP[Any](name) for name in ("root", "middle", "leaf", "bare"))
    middle.mount(leaf, namespace="c", tool_names={"a": "b"})
    root.mount(middle, namespace="b")
    root.mount(bare)
    assert list(framework.servers_in(root)) == [root, middle, leaf, bare]


async def test_the_functions_of_tools_and_prompts_are_found() -> None:
    def nothing() -> None: ...

    root, inner = (FastMCP[Any](name) for name in ("root", "inner"))
    root.mount(inner)
    root.tool(nothing)
    inner.prompt(nothing)
    found = await framework.functions_of(root)
    assert found == [("the tool 'nothing'", nothing), ("the prompt 'nothing'", nothing)]


class Watch(Middleware):
    """Keeps what ``prefix_of`` says of each request."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def on_request(self, context: MiddlewareContext[Any], call_next: Any) -> Any:
        request = framework.request_of(context)
        if request is not None and context.method in ("tools/call", "prompts/get", "resources/read"):
            self.seen.append(framework.prefix_of(context, request))
        return await call_next(context)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_mounted_server_is_told_what_stands_before_its_names(mode: Any) -> None:
    watches = [Watch(), Watch(), Watch()]
    root, middle, leaf = (
        FastMCP[Any](name, middleware=[watch]) for name, watch in zip(("root", "middle", "leaf"), watches, strict=True)
    )

    @leaf.tool
    def tool() -> str:
        """Do nothing."""
        return ""

    @leaf.prompt
    def prompt() -> str:
        """Do nothing."""
        return ""

    @leaf.resource("notes://all")
    def resource() -> str:
        """Do nothing."""
        return ""

    @leaf.resource("notes://{name}/one")
    def template(name: str) -> str:
        """Do nothing."""
        return ""

    middle.mount(leaf, namespace="b")
    root.mount(middle, namespace="a")
    async with Client(root, mode=mode) as client:
        await client.call_tool("a_b_tool", {})
        await client.get_prompt("a_b_prompt", {})
        await client.read_resource("notes://a/b/all")
        await client.read_resource("notes://a/b/x/one")
    assert [watch.seen for watch in watches] == [[""] * 4, ["a_"] * 4, ["a_b_"] * 4]


@pytest.mark.parametrize("params", [None, {}, {"name": 5}, {"name": "other"}, {"uri": "a://b"}, {"uri": None}])
def test_where_the_names_do_not_fit_there_is_no_prefix(params: Any) -> None:
    request: Any = SimpleNamespace(_srctx=SimpleNamespace(params=params))
    for message in (
        mcp_types.CallToolRequestParams(name="tool"),
        mcp_types.ReadResourceRequestParams(uri="notes://all"),
        {"a": "b"},
    ):
        assert framework.prefix_of(MiddlewareContext(message=message), request) == ""


def test_outside_of_a_request_there_is_none() -> None:
    assert framework.request_of(MiddlewareContext(message=None)) is None
