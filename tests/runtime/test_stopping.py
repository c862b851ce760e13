"""A server that has stopped leaves nothing behind in its process: the next one's streams are whole."""

import asyncio
import socket
from collections.abc import AsyncIterator
from functools import partial

import httpx2
import pytest
from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from mcp_sessions.stopping import Server

pytestmark = pytest.mark.anyio


async def answer(request: Request) -> EventSourceResponse:
    async def events() -> AsyncIterator[str]:
        for number in range(3):
            await asyncio.sleep(0)
            yield str(number)

    return EventSourceResponse(events())


async def test_the_streams_of_the_next_server_in_the_process_are_whole() -> None:
    told: list[str] = []
    for turn in ("first", "second"):
        app = Starlette(routes=[Route("/", answer, methods=["POST"])])
        server = Server(app, "127.0.0.1", 0, partial(told.append, turn))
        listening = socket.create_server(("127.0.0.1", 0))
        serving = asyncio.create_task(server.serve([listening]))
        async with httpx2.AsyncClient() as client:
            got = await client.post(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        assert [line for line in got.text.splitlines() if line] == ["data: 0", "data: 1", "data: 2"]
        server.should_exit = True
        await asyncio.wait_for(serving, 60)
    assert told == ["first", "second"]
