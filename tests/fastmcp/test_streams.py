"""Stateful FastMCP servers: streams that are resumed, in the process that broke off and in another one."""

from typing import Any

import anyio
import pytest
from fastmcp import Context, FastMCP
from tests.runtime.streaming import Wire

from mcp_sessions import UntypedSession
from mcp_sessions.fastmcp import FastMCPSessions

pytestmark = pytest.mark.anyio


def make_app(store: Any, go_on: anyio.Event) -> Any:
    sessions = FastMCPSessions(store, schemas=[UntypedSession])
    server: FastMCP[Any] = FastMCP("test")
    sessions.add_to(server)

    @server.tool
    async def count(ctx: Context, session: UntypedSession) -> list[str]:
        """Report progress, wait, and report the rest."""
        await ctx.report_progress(1)
        await go_on.wait()
        await ctx.report_progress(2)
        await session.set("counted", True)
        return await session.keys()

    @server.tool
    async def look(session: UntypedSession) -> list[str]:
        """Return the keys."""
        return await session.keys()

    return sessions.http_app(server, stateless=False)


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_stream_that_broke_is_resumed_with_what_was_missed(store: Any, elsewhere: bool) -> None:
    go_on = anyio.Event()
    first, second = make_app(store, go_on), make_app(store, go_on)
    async with first.lifespan(first), second.lifespan(second):
        wire = Wire(first)
        await wire.initialize()
        params = {"name": "count", "arguments": {}, "_meta": {"progressToken": "p"}}
        stream = await wire.post("tools/call", params)
        with anyio.fail_after(20):
            event = await stream.event()
            while event is not None and "progress" not in event.get("data", ""):
                event = await stream.event()
            assert event is not None
            await stream.leave()
            go_on.set()
            while (await wire.call("look"))["structuredContent"]["result"] != ["counted"]:
                await anyio.lowlevel.checkpoint()
            wire.app = second if elsewhere else first
            seen = ""
            last = event["id"]
            while '"counted"' not in seen:
                resumed = await wire.ask("GET", last_event_id=last)
                assert resumed.status == 200
                for missed in await resumed.events():
                    seen += missed.get("data", "")
                    last = missed.get("id", last)
                await resumed.task
    assert '"progress":2' in seen.replace(" ", "").replace("2.0", "2")


async def test_nobody_resumes_the_stream_of_another(store: Any) -> None:
    go_on = anyio.Event()
    go_on.set()
    app = make_app(store, go_on)
    async with app.lifespan(app):
        one, two = Wire(app), Wire(app)
        await one.initialize()
        await two.initialize()
        events = await (await one.post("tools/call", {"name": "count", "arguments": {}})).events()
        resumed = await two.ask("GET", last_event_id=events[0]["id"])
        with anyio.fail_after(20):
            text = await resumed.text() if resumed.status != 200 else str(await resumed.events())
    assert "counted" not in text
