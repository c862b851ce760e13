"""A server with whatever the conformance suite asks for, on ``Sessions``, over HTTP.

python server.py PORT STORE OPTIONS    OPTIONS are those of ``Sessions.http_app``, in JSON
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import asking
import content
import rounds
import uvicorn
from mcp.server.mcpserver import MCPServer, RequestStateSecurity
from mcp.server.mcpserver.prompts.base import Prompt
from mcp_types import EmptyResult, SetLevelRequestParams

from mcp_sessions import UntypedSession
from mcp_sessions.server import Sessions


async def count(session: UntypedSession) -> int:
    """Count the calls of this session."""
    return int(str(await session.update("calls", lambda calls: int(str(calls or 0)) + 1)))


def named(*functions: Callable[..., Any], prefix: str = "test_") -> dict[str, Callable[..., Any]]:
    """Return the functions by the names that the suite knows them by."""
    return {f"{prefix}{function.__name__}": function for function in functions}


def make_server(store: str) -> tuple[MCPServer, Sessions]:
    sessions = Sessions(store, schemas=[UntypedSession], resources=True)
    key = RequestStateSecurity(keys=[b"a key of 32 bytes, in a test only"])
    server = MCPServer(
        "everything",
        version="1",
        extensions=[sessions],
        tools=[content.json_schema_tool()],
        request_state_security=key,
        subscriptions=sessions.bus,
        log_level="WARNING",
    )
    server.add_tool(count)
    for name, tool in (named(*content.TOOLS, *asking.TOOLS) | named(*rounds.TOOLS, prefix=rounds.PREFIX)).items():
        server.add_tool(tool, name=name, description=f"What the suite calls {name}.")
    for name, prompt in (named(*content.PROMPTS) | named(rounds.prompt, prefix=rounds.PREFIX)).items():
        server.add_prompt(Prompt.from_function(prompt, name=name, description=f"What the suite calls {name}."))
    content.add_resources(server)
    serve_what_the_modern_era_removed(server)
    return server, sessions


def serve_what_the_modern_era_removed(server: MCPServer) -> None:
    """Accept log levels; the SDK's documentation names this way, which has no public name yet."""

    async def accept(*_: object) -> EmptyResult:
        return EmptyResult()

    server._lowlevel_server.add_request_handler("logging/setLevel", SetLevelRequestParams, accept)


def main() -> None:
    port, store, options = sys.argv[1:]
    server, sessions = make_server(store)
    uvicorn.run(sessions.http_app(server, **json.loads(options)), port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
