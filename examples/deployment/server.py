"""The server that this folder deploys: a counter and notes, and two routes that tell whether it is well.

uvicorn --factory server:make_app

It reads two environment variables: ``MCP_SESSIONS_STORE``, the URL of the store, and ``ALLOWED_HOSTS``, the values of
the header ``Host`` that it answers to, separated by commas.
"""

import logging
import os
import sys
from datetime import UTC, datetime
from typing import Final

import anyio
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from sse_starlette.sse import AppStatus
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from mcp_sessions import StoreError
from mcp_sessions.server import Sessions
from mcp_sessions.stores import Address, Store
from state.counter import CounterSession
from state.notes import Note, NotesSession

LOCAL_HOSTS: Final = "localhost:*,127.0.0.1:*"
STORE_SECONDS: Final = 2
"""How long the store may take to answer; what asks us waits a little longer."""
NOBODY: Final = Address("handle", "nobody", "healthz")
"""A session that is never there: looking for it is one round trip, and costs the store nothing."""

_log = logging.getLogger("deployment")


async def increment(counter: CounterSession, by: int = 1) -> str:
    """Add to this session's counter and say what it is now."""
    return f"Counter: {await counter.increment_counter(by)}"


async def add_note(text: str, notes: NotesSession) -> str:
    """Keep a note for the rest of this session."""
    await notes.append_notes(Note(text=text, created_at=datetime.now(UTC)))
    return f"Noted. Notes so far: {len(await notes.get_notes())}"


def make_app() -> Starlette:
    """Return the application, with the store and the hosts that the environment names."""
    url = os.environ.get("MCP_SESSIONS_STORE")
    if not url:  # without it, each worker would keep sessions in a memory of its own
        sys.exit("MCP_SESSIONS_STORE is not set: it is the URL of the store that all workers share")
    # Else sse-starlette, by which the SDK answers, cuts off at SIGTERM what is being answered. What takes longer than
    # uvicorn's timeout for a graceful shutdown is cut off even so.
    AppStatus.enable_automatic_graceful_drain = False
    sessions = Sessions(url, schemas=[CounterSession, NotesSession])
    mcp = MCPServer("deployment", extensions=[sessions], log_level="WARNING")
    for tool in (increment, add_note):
        mcp.add_tool(tool)
    add_health_routes(mcp, sessions.store)
    hosts = os.environ.get("ALLOWED_HOSTS") or LOCAL_HOSTS
    security = TransportSecuritySettings(allowed_hosts=[host.strip() for host in hosts.split(",")])
    return sessions.http_app(mcp, transport_security=security)


def add_health_routes(mcp: MCPServer, store: Store) -> None:
    """Let the process say whether it lives (/livez), and whether it can serve, which takes the store (/healthz)."""

    async def live(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def healthy(request: Request) -> Response:
        try:
            with anyio.fail_after(STORE_SECONDS):
                await store.look_up(NOBODY)
        except (StoreError, TimeoutError) as error:
            _log.warning("the store does not answer: %s", type(error).__name__)
            return PlainTextResponse("the store does not answer\n", 503)
        return PlainTextResponse("ok\n")

    mcp.custom_route("/livez", methods=["GET"])(live)
    mcp.custom_route("/healthz", methods=["GET"])(healthy)
