"""Tools that ask the client during a call, as the legacy era does: by requests of the server's own."""

from typing import Any

from mcp.server.mcpserver import Context
from mcp_types import SamplingMessage, TextContent


def choice(*names: str) -> list[dict[str, str]]:
    return [{"const": name, "title": name.title()} for name in names]


def form(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


USER = {**form(username={"type": "string"}, email={"type": "string"}), "required": ["username", "email"]}
DEFAULTS = form(
    name={"type": "string", "default": "John Doe"},
    age={"type": "integer", "default": 30},
    score={"type": "number", "default": 95.5},
    status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    verified={"type": "boolean", "default": True},
)
ENUMS = form(
    untitledSingle={"type": "string", "enum": ["option1", "option2", "option3"]},
    titledSingle={"type": "string", "oneOf": choice("value1", "value2", "value3")},
    legacyEnum={"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["One", "Two", "Three"]},
    untitledMulti={"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
    titledMulti={"type": "array", "items": {"anyOf": choice("value1", "value2", "value3")}},
)


async def ask(ctx: Context, message: str, schema: dict[str, Any]) -> str:
    answer = await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_id)
    return f"User response: action={answer.action}, content={answer.content}"


async def elicitation(message: str, ctx: Context) -> str:
    return await ask(ctx, message, USER)


async def elicitation_sep1034_defaults(ctx: Context) -> str:
    return await ask(ctx, "Who are you?", DEFAULTS)


async def elicitation_sep1330_enums(ctx: Context) -> str:
    return await ask(ctx, "What do you choose?", ENUMS)


async def sampling(prompt: str, ctx: Context) -> str:
    message = SamplingMessage(role="user", content=TextContent(text=prompt))
    answer = await ctx.session.create_message([message], max_tokens=100, related_request_id=ctx.request_id)
    return f"LLM response: {answer.content.text if isinstance(answer.content, TextContent) else '?'}"


TOOLS = (elicitation, elicitation_sep1034_defaults, elicitation_sep1330_enums, sampling)
