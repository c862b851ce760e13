"""A server whose sessions are resources, for tests, and how it is served on a socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from typing import Any

import httpx2
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server import MCPServer
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import Context
from starlette.types import ASGIApp
from tests.runtime.test_middleware import Verifier

from mcp_sessions import UntypedSession
from mcp_sessions.server import Sessions


class Note(UntypedSession, name="note"):
    """What somebody wants to remember."""


class Mine(UntypedSession, name="mine"):
    """What a user wants to remember."""


class Held(UntypedSession, name="held"):
    """What is named by a handle alone."""


class Plain(UntypedSession, name="plain"):
    """What is no resource."""


Mine.schema = replace(Mine.schema, scope="user")
Held.schema = replace(Held.schema, scope="handle")


def make(store: Any, *, auth: bool = False, resources: Any = (Note, Mine, Held), **options: Any) -> Any:
    """Return a server, and its sessions."""
    sessions = Sessions(store, schemas=[Note, Mine, Held, Plain], resources=resources, **options)
    settings: dict[str, Any] = {}
    if auth:
        settings["token_verifier"] = Verifier()
        settings["auth"] = AuthSettings(
            issuer_url="https://issuer.example", resource_server_url=None, validate_token_resource=False
        )
    if resources:
        settings["subscriptions"] = sessions.bus
    server = MCPServer("test", extensions=[sessions], log_level="WARNING", **settings)
    _add_tools(server)
    sessions.attach(server)
    return server, sessions


def _add_tools(server: MCPServer) -> None:
    @server.tool()
    async def write(key: str, note: Note) -> str:
        """Write."""
        await note.set(key, True)
        return "written"

    @server.tool()
    async def write_mine(key: str, mine: Mine) -> str:
        """Write what is the user's."""
        await mine.set(key, True)
        return "written"

    @server.tool()
    async def write_held(key: str, held: Held) -> str:
        """Write what has a handle."""
        await held.set(key, True)
        return "written"

    @server.tool()
    async def end_note_here(note: Note) -> str:
        """End the state of the client's session."""
        return str(await note.end())

    @server.tool()
    async def announce(uri: str, ctx: Context) -> str:
        """Publish events of the server's own."""
        await ctx.notify_resource_updated(uri)
        await ctx.notify_tools_changed()
        return "announced"

    @server.resource("weather://today")
    async def weather() -> str:
        """Tell of the weather."""
        return "fine"


async def created(client: Client, name: str = "note") -> str:
    """Begin a session, and return its handle."""
    made = (await client.call_tool(f"create_{name}", {})).structured_content
    assert made is not None
    return str(made[name])


async def done(client: Client, tool: str, **arguments: str) -> None:
    """Call a tool that must not fail."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result


async def text(client: Client, uri: str) -> str:
    """Read a resource."""
    return str(getattr((await client.read_resource(uri)).contents[0], "text"))  # noqa: B009 -- it is one of two kinds


class Updates(list[str]):
    """The URIs of the updates that a legacy client was notified of."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    async def __call__(self, message: Any) -> None:
        if getattr(message, "method", "") == "notifications/resources/updated":
            self.append(message.params.uri)
            self._more.set()

    async def wait(self, count: int = 1) -> list[str]:
        """Return the URIs, as soon as there are so many."""
        async with asyncio.timeout(30):
            while len(self) < count:
                self._more.clear()
                await self._more.wait()
        return list(self)


async def next_of(subscription: Any) -> Any:
    """Return the next event of a stream."""
    async with asyncio.timeout(30):
        return await anext(subscription)


@asynccontextmanager
async def on_a_socket(store: Any, *, stateless: bool = True, **options: Any) -> AsyncIterator[str]:
    """Serve over HTTP in this event loop, and return the URL."""
    server, sessions = make(store, **options)
    async with serving_on_a_socket(sessions.http_app(server, stateless=stateless)) as url:
        yield url


@asynccontextmanager
async def serving_on_a_socket(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an application in this event loop, and return the URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    http = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5))
    http.capture_signals = nullcontext  # type: ignore[method-assign,assignment]  # they are the test runner's
    serving = asyncio.create_task(http.serve(sockets=[listening]))
    try:
        async with asyncio.timeout(30):
            while not http.started:
                await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    finally:
        http.should_exit = True
        await serving


@asynccontextmanager
async def as_user(url: str, token: str, **options: Any) -> AsyncIterator[Client]:
    """Connect with a token."""
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), **options) as client,
    ):
        yield client
