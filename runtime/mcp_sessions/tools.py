"""The tools that begin and end a session, made from its schema."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.extension import ToolBinding
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field, create_model

from mcp_sessions.base_session import BaseSession
from mcp_sessions.context import current_call
from mcp_sessions.durations import in_words
from mcp_sessions.errors import SessionRequiredError


class Ended(BaseModel):
    """What the end tool answers."""

    ended: bool = Field(description="True if the session was live and is ended now; false if there was none.")


def retention(idle: float, max_seconds: float | None) -> str:
    """Say how long a session is kept: the policy that the specification asks tool descriptions to state."""
    text = f"It expires after {in_words(idle)} without use"
    return f"{text}, and at the latest {in_words(max_seconds)} after it was created." if max_seconds else f"{text}."


def create_tool(accessor: type[BaseSession], default_idle: float) -> ToolBinding:
    """Return the tool that begins a session and answers with its handle, under the name the tools take it by.

    Specification: MCP 2026-07-28, server/tools, "Stateful Tools".
    """
    schema = accessor.schema
    kept = retention(schema.idle or default_idle, schema.max)
    what = _sentence(accessor)
    answer = create_model(
        f"{accessor.__name__}Handle",
        handle=(
            str,
            Field(alias=schema.argument, description="The handle, for the tools that take one."),
        ),
        retention=(str, Field(description="How long the session is kept.")),
    )

    async def create() -> dict[str, str]:
        call = current_call()
        if call is None:
            raise SessionRequiredError("this tool was called outside of a server's call")
        session = await accessor._begin(call)
        return {schema.argument: session.id, "retention": kept}

    description = (
        f"Begin a new {schema.name} session{what} Returns its handle, which other tools take as their argument "
        f"{schema.argument!r}. {kept}"
    )
    return _binding(create, schema.create_tool_name, description, {}, answer, destructive=False)


def end_tool(accessor: type[BaseSession]) -> ToolBinding:
    """Return the tool that ends a session."""
    schema = accessor.schema

    async def end(**arguments: BaseSession) -> Ended:
        return Ended(ended=await arguments[schema.argument].end())

    description = f"End a {schema.name} session: what it holds is deleted, and its handle is good for nothing."
    return _binding(end, schema.end_tool_name, description, {schema.argument: accessor}, Ended, destructive=True)


def _sentence(accessor: type[BaseSession]) -> str:
    doc = (inspect.getdoc(accessor) or "").partition("\n\n")[0].replace("\n", " ").strip()
    return f": {doc[:1].lower()}{doc[1:].rstrip('.')}." if doc else "."


def _binding(
    fn: Callable[..., Awaitable[object]],
    name: str,
    description: str,
    parameters: dict[str, Any],
    answer: type[BaseModel],
    *,
    destructive: bool,
) -> ToolBinding:
    """Give ``fn`` the signature that the SDK makes the tool's schemas from."""
    fn.__annotations__ = {**parameters, "return": answer}
    signature = inspect.Signature(
        [inspect.Parameter(p, inspect.Parameter.KEYWORD_ONLY, annotation=a) for p, a in parameters.items()],
        return_annotation=answer,
    )
    setattr(fn, "__signature__", signature)  # noqa: B010 -- functions have no such attribute in their type
    hints = ToolAnnotations(destructive_hint=destructive, open_world_hint=False)
    return ToolBinding(fn, kwargs={"name": name, "description": description, "annotations": hints})
