"""A server whose slow tool says by a file that it has begun, and goes on when another one is there."""

import sys
from pathlib import Path

import anyio
from mcp.server.mcpserver import MCPServer

from mcp_sessions import UntypedSession
from mcp_sessions.server import Sessions

port, folder, stateless = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "stateless"
sessions = Sessions(f"sqlite:///{folder}/sessions.db", schemas=[UntypedSession])
mcp = MCPServer("stopped", extensions=[sessions])


@mcp.tool()
async def slow(session: UntypedSession) -> str:
    """Do something that takes its time."""
    (folder / "begun").touch()
    while not (folder / "go").exists():
        await anyio.sleep(0.01)
    await session.set("done", True)
    return "done"


sessions.run(mcp, "streamable-http", port=port, stateless=stateless)
