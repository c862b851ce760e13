"""What the adapter needs of FastMCP beyond its documented names: one place to look when FastMCP moves.

Everything here is covered by ``tests/fastmcp/test_framework.py``, which fails when FastMCP changes.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fastmcp import FastMCP
from fastmcp.exceptions import PromptError, ResourceError, ToolError
from fastmcp.prompts.function_prompt import FunctionPrompt
from fastmcp.server.dependencies import FastMCPRequestContext
from fastmcp.server.http import StreamableHTTPASGIApp
from fastmcp.server.middleware import MiddlewareContext
from fastmcp.server.providers import FastMCPProvider, Provider
from fastmcp.tools import FunctionTool
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette

from mcp_sessions.errors import SessionDataError, SessionVersionError, StoreError

_FAULTS = (StoreError, SessionDataError, SessionVersionError)
"""What somebody who runs the server has to see to; all else is for whoever made the call."""


class Anticipated(ToolError, ResourceError, PromptError):
    """The errors whose text FastMCP shows to the model, also where it masks those of others."""

    @property
    def log_level(self) -> int:
        """At which level FastMCP logs it, with a traceback unless it is a tool's."""
        return logging.ERROR if isinstance(self, _FAULTS) else logging.DEBUG

    @log_level.setter
    def log_level(self, level: int) -> None:
        pass  # FastMCP's base class sets ERROR on whatever is raised


def request_of(context: MiddlewareContext[Any]) -> FastMCPRequestContext | None:
    """Return the request that a middleware is called for; None when no client made it."""
    return None if context.fastmcp_context is None else context.fastmcp_context.request_context


def prefix_of(context: MiddlewareContext[Any], request: FastMCPRequestContext) -> str:
    """Return what the client sees before the names of a server's tools: "" unless the server is mounted in another.

    It is told by what the client asked for, and what has become of that on the way here.
    """
    params = request._srctx.params
    asked = params if isinstance(params, Mapping) else {}
    for key in ("name", "uri"):
        whole, own = asked.get(key), getattr(context.message, key, None)
        if isinstance(whole, str) and own is not None:
            return _namespace(whole, str(own)) if key == "uri" else _before(whole, str(own))
    return ""


def _before(whole: str, end: str) -> str:
    return whole[: -len(end)] if end and whole.endswith(end) else ""


def _namespace(whole: str, own: str) -> str:
    """Return the prefix of names that goes with that of addresses: "notes://a/b/all" for "notes://all" is "a_b_"."""
    return _before(whole.partition("://")[2], own.partition("://")[2]).replace("/", "_")


def endpoint_of(app: Starlette) -> StreamableHTTPASGIApp:
    """Return what answers MCP requests in the application of a server; its manager is there once the lifespan runs.

    Raises:
        RuntimeError: If this FastMCP has no such place; serving without our middleware would be unsafe.
    """
    for route in app.routes:
        endpoint = getattr(route, "endpoint", None)
        inner = getattr(endpoint, "app", endpoint)  # within what refuses requests without a token
        if isinstance(inner, StreamableHTTPASGIApp):
            return inner
    raise RuntimeError("this version of fastmcp has no StreamableHTTPASGIApp among its routes to put sessions around")


def manager_of(endpoint: StreamableHTTPASGIApp) -> StreamableHTTPSessionManager:
    """Return the manager of an application whose lifespan has begun.

    Raises:
        RuntimeError: If it has none.
    """
    if endpoint.session_manager is None:
        raise RuntimeError("this version of fastmcp has no session manager in the lifespan of its application")
    return endpoint.session_manager


def servers_in(server: FastMCP[Any]) -> Iterator[FastMCP[Any]]:
    """Return a server and all that are mounted in it."""
    yield server
    for provider in server.providers:
        inner = _unwrapped(provider)
        if isinstance(inner, FastMCPProvider):
            yield from servers_in(inner.server)


async def functions_of(server: FastMCP[Any]) -> list[tuple[str, Callable[..., Any]]]:
    """Return the functions of the tools and prompts of a server and all that are mounted in it, each by what it is."""
    found: list[tuple[str, Callable[..., Any]]] = []
    for own in (one.local_provider for one in servers_in(server)):
        tools, prompts = await own.list_tools(), await own.list_prompts()
        found += [(f"the tool {one.name!r}", one.fn) for one in tools if isinstance(one, FunctionTool)]
        found += [(f"the prompt {one.name!r}", one.fn) for one in prompts if isinstance(one, FunctionPrompt)]
    return found


def _unwrapped(provider: Provider) -> Provider:
    while isinstance(wrapped := getattr(provider, "_inner", None), Provider):
        provider = wrapped
    return provider
