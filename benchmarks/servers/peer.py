"""A FastMCP server with the tool of ``servers.sdk`` in three forms: without a session, with its two kinds of state."""

import argparse

from fastmcp import Context, FastMCP
from fastmcp.server.dependencies import get_session
from fastmcp.server.sessions import SessionId, SessionProvider
from key_value.aio.stores.redis import RedisStore

from servers.metered import serve


async def plain(by: int) -> str:
    """Answer without a session."""
    return f"Step {by}"


async def visit(by: int, session_id: SessionId) -> str:
    """Read one value of the session and write it."""
    session = await get_session(session_id)
    step = await session.get("step", 1)
    await session.set("step", step % 1000 + by)
    return f"Step {step}"


async def fill(text: str, session_id: SessionId) -> str:
    """Keep something else in the session."""
    await (await get_session(session_id)).set("project_name", text)
    return "Filled"


async def visit_state(by: int, ctx: Context) -> str:
    """Read one value of the state of the client's connection, and write it."""
    step = await ctx.get_state("step") or 1
    await ctx.set_state("step", step % 1000 + by)
    return f"Step {step}"


def main() -> None:
    """Serve until the process is told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", required=True, help="the URL of a Redis or Valkey")
    parser.add_argument("--loop", default="asyncio")
    options = parser.parse_args()
    server = FastMCP("peer", session_state_store=RedisStore(url=options.store))
    server.add_provider(SessionProvider())
    for tool in (plain, visit, fill, visit_state):
        server.tool(tool)
    serve(server.http_app(path="/mcp"), options.loop)


if __name__ == "__main__":
    main()
