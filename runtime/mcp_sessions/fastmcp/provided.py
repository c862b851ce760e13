"""What a FastMCP server is given: the middleware that tells accessors whose session a call means, and our tools."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias
from weakref import ref

import mcp_types
from fastmcp import FastMCP
from fastmcp.prompts import Prompt
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.server.providers import LocalProvider
from fastmcp.tools import FunctionTool, Tool, ToolResult
from mcp.server.extension import ToolBinding

from mcp_sessions.arguments import HIDDEN
from mcp_sessions.fastmcp.caching import require_uncached
from mcp_sessions.fastmcp.framework import Anticipated, functions_of
from mcp_sessions.signatures import require_sessions

Handle: TypeAlias = Callable[[MiddlewareContext[Any], CallNext[Any, Any]], Any]
"""Does what a request asks for, after it has told the accessors whose session is meant."""


class CallMiddleware(Middleware):
    """Stands around all that a server does for a request.

    Args:
        handle: What it has that done by, such as ``FastMCPSessions.middleware``.
    """

    def __init__(self, handle: Handle) -> None:
        self.handle = handle

    async def on_request(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        """See ``Middleware.on_request``."""
        return await self.handle(context, call_next)

    async def on_list_tools(
        self,
        context: MiddlewareContext[mcp_types.ListToolsRequest],
        call_next: CallNext[mcp_types.ListToolsRequest, Sequence[Tool]],
    ) -> Sequence[Tool]:
        """See ``Middleware.on_list_tools``; arguments that nobody may give are left out."""
        return [_without_hidden_parameters(tool) for tool in await call_next(context)]

    async def on_list_prompts(
        self,
        context: MiddlewareContext[mcp_types.ListPromptsRequest],
        call_next: CallNext[mcp_types.ListPromptsRequest, Sequence[Prompt]],
    ) -> Sequence[Prompt]:
        """See ``Middleware.on_list_prompts``; arguments that nobody may give are left out."""
        return [_without_hidden_arguments(prompt) for prompt in await call_next(context)]


def _without_hidden_parameters(tool: Tool) -> Tool:
    properties: dict[str, Any] = tool.parameters.get("properties", {})
    shown = {name: one for name, one in properties.items() if not _is_hidden(one.get("description"))}
    if len(shown) == len(properties):
        return tool
    return tool.model_copy(update={"parameters": {**tool.parameters, "properties": shown}})


def _without_hidden_arguments(prompt: Prompt) -> Prompt:
    shown = [one for one in prompt.arguments or () if not _is_hidden(one.description)]
    return prompt if len(shown) == len(prompt.arguments or ()) else prompt.model_copy(update={"arguments": shown})


def _is_hidden(description: object) -> bool:
    return isinstance(description, str) and description.startswith(HIDDEN)  # FastMCP adds to those of prompts


class SessionTool(FunctionTool):
    """A tool that begins, ends or lists sessions."""

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """See ``Tool.run``.

        Raises:
            Anticipated: If an argument is missing, or is none of this tool's. FastMCP's own message would have values.
        """
        known = self.parameters.get("properties", {})
        unknown = [name for name in arguments if name not in known]
        if unknown:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise Anticipated(f"{self.name} has no argument {', '.join(unknown)}; {takes}.")
        missing = [name for name in self.parameters.get("required", ()) if name not in arguments]
        if missing:
            raise Anticipated(f"{self.name} needs the argument {', '.join(missing)}.")
        return await super().run(arguments)


class SessionTools(LocalProvider):
    """The tools that begin, end and list sessions, and what is to be done while their server runs.

    Args:
        server: The server that has them.
        tools: What they do, and how they are described.
        running: What runs as long as the server does.
    """

    def __init__(
        self,
        server: FastMCP[Any],
        tools: list[ToolBinding],
        running: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        super().__init__()
        self._server = ref(server)
        self._running = running
        for tool in tools:
            self.add_tool(SessionTool.from_function(tool.fn, **tool.kwargs))

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None, None]:
        """See ``Provider.lifespan``.

        Raises:
            ValueError: If the server has a tool of its own by the name of one of these, which would hide it, or a cache
                for what uses sessions.
            TypeError: If a tool or prompt has a session that may be None.
        """
        names, server = [tool.name for tool in await self.list_tools()], self._server()
        if server is not None:
            for name in names:
                if await server.local_provider.get_tool(name) is not None:
                    raise ValueError(
                        f"the server has a tool of its own called {name!r}, which hides the one that FastMCPSessions "
                        f"adds: rename it, or have the schema name ours otherwise, as with tools: {{create: ...}}"
                    )
            require_sessions(await functions_of(server))
            await require_uncached(server, names)
        async with self._running():
            yield
