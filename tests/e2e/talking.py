"""A server in stateful mode that asks its client things, and whose slow tool waits for files to appear."""

import sys
from pathlib import Path

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import SamplingMessage, TextContent
from pydantic import BaseModel

from mcp_sessions import UntypedSession
from mcp_sessions.server import Sessions

store, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
sessions = Sessions(store, schemas=[UntypedSession])
mcp = MCPServer("talking", extensions=[sessions])


class Booking(BaseModel):
    """What the client is asked for."""

    date: str


@mcp.tool()
async def book(ctx: Context, session: UntypedSession) -> list[str]:
    """Ask the user for a date and keep it."""
    answer = await ctx.elicit("Which date?", Booking)
    if answer.action == "accept":
        await session.set(answer.data.date, True)
    return await session.keys()


@mcp.tool()
async def summarize(ctx: Context, session: UntypedSession) -> str:
    """Ask the client's model for a summary."""
    asked = SamplingMessage(role="user", content=TextContent(type="text", text=", ".join(await session.keys())))
    answer = await ctx.session.create_message([asked], max_tokens=9, related_request_id=ctx.request_id)
    assert isinstance(answer.content, TextContent)
    return answer.content.text


@mcp.tool()
async def remember(key: str, session: UntypedSession) -> list[str]:
    """Keep a key."""
    await session.set(key, True)
    return await session.keys()


@mcp.tool()
async def count(ctx: Context, session: UntypedSession) -> str:
    """Count to four. Go on from one when "lost" is there, and from three when "resumed" is."""
    await ctx.report_progress(1)
    await appeared("lost")
    await ctx.report_progress(2)
    await ctx.report_progress(3)
    # The SDK takes a message when it has stored the one before: now three is in the store.
    await ctx.session.send_tool_list_changed()
    (folder / "three").touch()
    await appeared("resumed")
    await ctx.report_progress(4)
    await session.set("counted", True)
    return "done"


async def appeared(name: str) -> None:
    """Wait for a file."""
    while not (folder / name).exists():
        await anyio.sleep(0.01)


sessions.run(mcp, "streamable-http", port=port, stateless=False)
