"""A server whose sessions are resources: python watched.py STORE PORT stateless|stateful."""

import sys

from mcp.server import MCPServer

from mcp_sessions import UntypedSession
from mcp_sessions.server import Sessions

store, port, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
sessions = Sessions(store, schemas=[UntypedSession], resources=True)
mcp = MCPServer("watched", extensions=[sessions], subscriptions=sessions.bus, log_level="WARNING")


@mcp.tool()
async def remember(key: str, session: UntypedSession) -> list[str]:
    """Keep a key."""
    await session.set(key, True)
    return await session.keys()


sessions.run(mcp, "streamable-http", port=port, stateless=mode == "stateless")
