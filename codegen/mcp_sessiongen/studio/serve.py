"""The studio as a process: its port, what is printed at the start, and an end without noise."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

import click
import uvicorn

from mcp_sessiongen.studio.access import Visitors, new_token
from mcp_sessiongen.studio.app import make_app
from mcp_sessiongen.studio.state import Studio
from mcp_sessions.admin import Catalog
from mcp_sessions.stores.base import Store

HOST: Final = "127.0.0.1"
"""Where the studio listens: whoever has its cookie sees all sessions, so it is not for a network."""

Opener: TypeAlias = Callable[[], AbstractAsyncContextManager[Store]]
"""Opens a store, on the event loop that is going to use it."""

_SHUTDOWN_SECONDS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a studio is started.

    Attributes:
        port: Where it listens; 0 for any port that is free.
        can_write: Whether sessions may be changed and ended.
        reveal: Whether secret values are shown.
        shown_store: The store's address as it may be shown.
    """

    port: int
    can_write: bool
    reveal: bool
    shown_store: str


def serve(opened: Opener, catalog: Catalog, options: Options, tell: Callable[[str], None]) -> None:
    """Serve until the process is told to stop.

    Args:
        opened: Opens the store.
        catalog: The schemas at hand.
        options: How it is started.
        tell: Says a line to whoever started it.

    Raises:
        mcp_sessions.StoreError: If the store cannot be opened or does not answer.
        click.UsageError: If it cannot listen.
    """
    with suppress(KeyboardInterrupt), _listening(options.port) as listening:
        asyncio.run(_serve(opened, catalog, options, listening, tell))


async def _serve(
    opened: Opener,
    catalog: Catalog,
    options: Options,
    listening: socket.socket,
    tell: Callable[[str], None],
) -> None:
    port, token = listening.getsockname()[1], new_token()
    async with opened() as store:
        total = await store.count()
        studio = Studio(
            store=store,
            catalog=catalog,
            shown_store=options.shown_store,
            port=port,
            visitors=Visitors(token),
            can_write=options.can_write,
            reveal=options.reveal,
        )
        config = uvicorn.Config(
            make_app(studio),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        for line in _greeting(options, f"http://{HOST}:{port}/?token={token}", total):
            tell(line)
        await uvicorn.Server(config).serve(sockets=[listening])


def _greeting(options: Options, address: str, total: int) -> list[str]:
    mode = "sessions can be changed and ended" if options.can_write else "read-only; --write allows changes"
    sessions = "1 session" if total == 1 else f"{total:,} sessions"
    return [
        f"studio:  {address}",
        f"store:   {options.shown_store}, {sessions}",
        f"mode:    {mode}",
        *(["secrets: shown, because of --reveal"] if options.reveal else []),
        "Open the address in a browser of this machine; it is the key to all sessions. Ctrl-C ends the studio.",
    ]


def _listening(port: int) -> socket.socket:
    """Listen, with a socket that says that it is TCP's, so that asyncio sends small answers at once.

    Raises:
        click.UsageError: If the port cannot be had.
    """
    try:
        made = socket.create_server((HOST, port))
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise click.UsageError(
            f"Cannot listen at {HOST}, port {port}: {why}. Name another with --port, or --port 0 for any that is free."
        ) from None
    return socket.socket(made.family, made.type, socket.IPPROTO_TCP, fileno=made.detach())
