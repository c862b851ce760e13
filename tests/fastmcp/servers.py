"""A FastMCP server that uses one schema in all that it offers, and what tests ask of it."""

from typing import Any

import anyio.from_thread
from fastmcp import Client, FastMCP
from fastmcp.client.client import CallToolResult

from mcp_sessions import UntypedSession
from mcp_sessions.fastmcp import FastMCPSessions


def offer(server: FastMCP[Any], accessor: Any) -> None:
    """Give a server tools, prompts and resources that use an accessor."""

    @server.tool
    async def count(kinds: accessor, by: int = 1) -> int:
        """Count."""
        return int(await kinds.increment_count(by))

    @server.tool
    async def count_here(by: int = 1) -> int:
        """Count without a parameter for the session."""
        return int(await accessor.current().increment_count(by))

    @server.tool
    def count_in_a_thread(kinds: accessor) -> int:
        """Count in a tool that is not async."""
        return int(anyio.from_thread.run(kinds.increment_count))

    @server.tool
    async def title(value: str, kinds: accessor) -> str:
        """Set the title."""
        await kinds.set_title(value)
        return str(await kinds.get_title())

    @server.prompt
    async def ask(topic: str, kinds: accessor) -> str:
        """Ask for something, with the number of times that it was asked."""
        assert accessor.current().id == kinds.id
        return f"{topic}, {await kinds.increment_count()}"

    @server.prompt
    def ask_in_a_thread(topic: str, kinds: accessor) -> str:
        """Do the same in a prompt that is not async."""
        return f"{topic}, {anyio.from_thread.run(kinds.increment_count)}"

    @server.resource("count://{kinds}/value")
    async def counted(kinds: accessor) -> str:
        """Read the counter of a handle."""
        return str(await kinds.get_count())

    @server.resource("count://now")
    async def counted_here() -> str:
        """Read the counter of the client."""
        return str(await accessor.current().get_count())


def make_server(kinds: Any, store: Any = "memory://", **options: Any) -> tuple[FastMCP[Any], FastMCPSessions]:
    """Return a server with sessions."""
    sessions = FastMCPSessions(store, schemas=[kinds.KindsSession, UntypedSession])
    server: FastMCP[Any] = FastMCP("test", **options)
    sessions.add_to(server)
    offer(server, kinds.KindsSession)
    return server, sessions


async def call(client: Client[Any], tool: str, **arguments: Any) -> CallToolResult:
    """Call a tool, whatever comes of it."""
    return await client.call_tool(tool, arguments, raise_on_error=False)


def text_of(result: CallToolResult) -> str:
    """Return the text of a result."""
    return "".join(block.text for block in result.content if block.type == "text")


async def told(client: Client[Any], tool: str, **arguments: Any) -> str:
    """Call a tool that succeeds, and return what it says."""
    result = await call(client, tool, **arguments)
    assert not result.is_error, text_of(result)
    return text_of(result)


async def refused(client: Client[Any], tool: str, **arguments: Any) -> str:
    """Call a tool that fails, and return what it says."""
    result = await call(client, tool, **arguments)
    assert result.is_error, text_of(result)
    return text_of(result)


async def handle_of(client: Client[Any], create: str = "create_kinds", name: str = "kinds") -> str:
    """Begin a session and return its handle."""
    made = (await call(client, create)).structured_content
    assert made is not None
    return str(made[name])


async def prompt(client: Client[Any], name: str, **arguments: str) -> str:
    """Return the text of a prompt."""
    content = (await client.get_prompt(name, {"topic": "why", **arguments})).messages[0].content
    assert content.type == "text"
    return content.text


async def resource(client: Client[Any], uri: str) -> str:
    """Return the text of a resource."""
    [content] = await client.read_resource(uri)
    return str(getattr(content, "text"))  # noqa: B009 -- it is one of two kinds
