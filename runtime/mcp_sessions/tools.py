"""The tools that begin, end and list sessions, made from their schema."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from mcp.server.extension import ToolBinding
from mcp_types import ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field, create_model

from mcp_sessions.base_session import BaseSession
from mcp_sessions.context import current_call
from mcp_sessions.durations import in_words
from mcp_sessions.errors import SessionRequiredError
from mcp_sessions.failures import retelling
from mcp_sessions.forms import UNSET
from mcp_sessions.parameters import parameter
from mcp_sessions.stores.base import Listed

_REQUIRED: Final = inspect.Parameter.empty

_BY_ALIAS: Final = ConfigDict(serialize_by_alias=True)
"""The handle has its name by an alias, since no field could be called as some of BaseModel's methods are."""


class Ended(BaseModel):
    """What the end tool answers."""

    ended: bool = Field(description="True if the session was live and is ended now; false if there was none.")


def retention(idle: float, max_seconds: float | None) -> str:
    """Say how long a session is kept: the policy that the specification asks tool descriptions to state."""
    text = f"It expires after {in_words(idle)} without use"
    return f"{text}, and at the latest {in_words(max_seconds)} after it was created." if max_seconds else f"{text}."


def tools_of(accessor: type[BaseSession], default_idle: float, default_max: float | None) -> list[ToolBinding]:
    """Return the tools that begin, end and, if the schema names one, list its sessions.

    Args:
        accessor: The class of the sessions.
        default_idle: Idle lifetime in seconds, where the schema sets none.
        default_max: Greatest lifetime in seconds, where the schema sets none.
    """
    made = [create_tool(accessor, default_idle, default_max), end_tool(accessor)]
    return [*made, list_tool(accessor)] if accessor.schema.list_tool else made


def names_taken(accessor: type[BaseSession]) -> dict[str, str]:
    """Return the names of these tools, each with what to say to whoever gives it to a tool of their own."""
    schema = accessor.schema
    names = {"create": schema.create_tool_name, "end": schema.end_tool_name, "list": schema.list_tool}
    return {
        name: (
            f"two tools are called {name!r}: yours, and that of Sessions which {verb}s {schema.name} sessions. Rename "
            f"yours; or rename the other, in the schema:  tools: {{{verb}: ...}}  in YAML,  {verb}_tool=...  in Python."
        )
        for verb, name in names.items()
        if name
    }


def create_tool(accessor: type[BaseSession], default_idle: float, default_max: float | None = None) -> ToolBinding:
    """Return the tool that begins a session and answers with its handle, under the name the tools take it by.

    Specification: MCP 2026-07-28, server/tools, "Stateful Tools".
    """
    schema = accessor.schema
    kept = retention(schema.idle or default_idle, schema.max or default_max)
    what = _sentence(accessor)
    answer = create_model(
        f"{accessor.__name__}Handle",
        __config__=_BY_ALIAS,
        handle=(
            str,
            Field(alias=schema.argument, description="The handle, for the tools that take one."),
        ),
        retention=(str, Field(description="How long the session is kept.")),
    )

    keys = {key.name: key for key in schema.keys if key.create}

    async def create(**given: object) -> BaseModel:
        call = current_call()
        if call is None:
            raise SessionRequiredError("this tool was called outside of a server's call")
        values = {name: keys[name].encode_json(value) for name, value in given.items() if value is not UNSET}
        session = await accessor._begin(call, values)
        return answer.model_validate({schema.argument: session.id, "retention": kept})

    description = (
        f"Begin a new {schema.name} session{what} Returns its handle, which other tools take as their argument "
        f"{schema.argument!r}. {kept}"
    )
    parameters = {name: (parameter(key), _REQUIRED) for name, key in keys.items()}
    hints = ToolAnnotations(destructive_hint=False, open_world_hint=False)
    return _binding(create, schema.create_tool_name, description, parameters, answer, hints)


def missing_values(accessor: type[BaseSession], arguments: Mapping[str, object]) -> str:
    """Say which arguments a call of the create tool lacks; "" if none.

    The SDK would refuse such a call too, but in a message that has the values of all the others.
    """
    required = [key.name for key in accessor.schema.keys if key.create == "required"]
    missing = [name for name in required if name not in arguments]
    return f"{accessor.schema.create_tool_name} needs the argument {', '.join(missing)}." if missing else ""


def end_tool(accessor: type[BaseSession]) -> ToolBinding:
    """Return the tool that ends a session."""
    schema = accessor.schema

    async def end(**arguments: BaseSession) -> Ended:
        return Ended(ended=await arguments[schema.argument].end())

    description = f"End a {schema.name} session: what it holds is deleted, and its handle is good for nothing."
    hints = ToolAnnotations(destructive_hint=True, open_world_hint=False)
    return _binding(end, schema.end_tool_name, description, {schema.argument: (accessor, _REQUIRED)}, Ended, hints)


def list_tool(accessor: type[BaseSession]) -> ToolBinding:
    """Return the tool that lists the caller's own sessions of a schema.

    Where nobody is authenticated there is no own: a list would hand everybody the handles of all others.
    """
    schema = accessor.schema
    entry = create_model(
        f"{accessor.__name__}Entry",
        __config__=_BY_ALIAS,
        handle=(str, Field(alias=schema.argument, description="The handle, for the tools that take one.")),
        created=(datetime, Field(description="When the session began.")),
        expires=(datetime, Field(description="When it expires unless it is used.")),
    )
    answer = create_model(
        f"{accessor.__name__}List",
        sessions=(list[entry], Field(description="The sessions, in no particular order.")),  # type: ignore[valid-type]  # made here
        cursor=(str | None, Field(description="If there are more: the argument cursor that gives them.")),
    )

    async def own(cursor: str = "") -> BaseModel:
        call = current_call()
        if call is None or call.caller.owner is None:
            raise SessionRequiredError(
                f"only a user who is logged in has {schema.name} sessions that can be listed; whoever has a handle can "
                f"use it without."
            )
        with retelling():
            page = await call.store.scan(schema=schema.name, owner=call.caller.owner, cursor=cursor)
        found = [_entry(schema.argument, one) for one in page.sessions if one.address.space == "handle"]
        return answer.model_validate({"sessions": found, "cursor": page.cursor or None})

    description = f"List the {schema.name} sessions of the user who is logged in."
    hints = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    return _binding(own, schema.list_tool, description, {"cursor": (str, "")}, answer, hints)


def _entry(argument: str, one: Listed) -> dict[str, object]:
    times = {"created": one.info.created, "expires": one.info.expires}
    return {argument: one.address.id, **{name: datetime.fromtimestamp(at, UTC) for name, at in times.items()}}


def _sentence(accessor: type[BaseSession]) -> str:
    doc = (inspect.getdoc(accessor) or "").partition("\n\n")[0].replace("\n", " ").strip()
    return f": {doc[:1].lower()}{doc[1:].rstrip('.')}." if doc else "."


def _binding(
    fn: Callable[..., Awaitable[object]],
    name: str,
    description: str,
    parameters: Mapping[str, tuple[Any, object]],
    answer: type[BaseModel],
    hints: ToolAnnotations,
) -> ToolBinding:
    """Give ``fn`` the signature that the SDK makes the tool's schemas from; parameters have a type and a default."""
    fn.__annotations__ = {**{parameter: kind for parameter, (kind, _) in parameters.items()}, "return": answer}
    signature = inspect.Signature(
        [
            inspect.Parameter(parameter, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
            for parameter, (kind, default) in parameters.items()
        ],
        return_annotation=answer,
    )
    setattr(fn, "__signature__", signature)  # noqa: B010 -- functions have no such attribute in their type
    return ToolBinding(fn, kwargs={"name": name, "description": description, "annotations": hints})
