"""Tools and a prompt of the modern era, which answer with what they need and are called again with it."""

import json
from typing import Any

from mcp.server.mcpserver import Context
from mcp_types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)

PREFIX = "test_input_required_result_"


def question(message: str, key: str = "name", type_: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {key: {"type": type_}}, "required": [key]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(text: str) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(text=text))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=50))


def needs(state: Any = None, /, **requests: Any) -> InputRequiredResult:
    return InputRequiredResult(input_requests=requests, request_state=state)


def content_of(ctx: Context, name: str) -> dict[str, Any] | None:
    """What the user filled in; None if there is no such answer."""
    answer = (ctx.input_responses or {}).get(name)
    return answer.content if isinstance(answer, ElicitResult) else None


async def elicitation(ctx: Context) -> str | InputRequiredResult:
    content = content_of(ctx, "user_name")
    return needs(user_name=question("What is your name?")) if content is None else f"Hello, {content.get('name')}!"


async def sampling(ctx: Context) -> str | InputRequiredResult:
    answer = (ctx.input_responses or {}).get("capital_question")
    if isinstance(answer, CreateMessageResult) and isinstance(answer.content, TextContent):
        return answer.content.text
    return needs(capital_question=sample("What is the capital of France?"))


async def list_roots(ctx: Context) -> str | InputRequiredResult:
    answer = (ctx.input_responses or {}).get("client_roots")
    if isinstance(answer, ListRootsResult):
        return ", ".join(str(root.uri) for root in answer.roots)
    return needs(client_roots=ListRootsRequest())


async def request_state(ctx: Context) -> str | InputRequiredResult:
    if content_of(ctx, "confirm") is not None and ctx.request_state == "asked":
        return "state-ok"
    return needs("asked", confirm=question("Please confirm", "ok", "boolean"))


async def multiple_inputs(ctx: Context) -> str | InputRequiredResult:
    wanted = {
        "user_name": question("What is your name?"),
        "greeting": sample("Generate a greeting"),
        "client_roots": ListRootsRequest(),
    }
    given = ctx.input_responses or {}
    return "All is there" if wanted.keys() <= given.keys() else needs("asked", **wanted)


async def multi_round(ctx: Context) -> str | InputRequiredResult:
    """Ask for the name, then for the color; the state is what was answered so far."""
    state = json.loads(ctx.request_state or "{}")
    if (color := content_of(ctx, "step2")) is not None and "name" in state:
        return f"{state['name']} likes {color.get('color')}"
    if (name := content_of(ctx, "step1")) is not None:
        return needs(json.dumps(name), step2=question("Step 2: What is your favorite color?", "color"))
    return needs("{}", step1=question("Step 1: What is your name?"))


async def tampered_state(ctx: Context) -> str | InputRequiredResult:
    """The SDK refuses a state that is not the one it sealed."""
    if ctx.request_state is not None:
        return "state-ok"
    return needs("asked", confirm=question("Please confirm", "ok", "boolean"))


async def capabilities(ctx: Context) -> InputRequiredResult:
    can = ctx.client_capabilities
    requests: dict[str, Any] = {}
    if can is not None and can.sampling is not None:
        requests["greeting"] = sample("Generate a greeting")
    if can is not None and can.elicitation is not None:
        requests["user_name"] = question("What is your name?")
    return needs("asked", **requests)


async def prompt(ctx: Context) -> str | InputRequiredResult:
    content = content_of(ctx, "user_context")
    if content is None:
        return needs(user_context=question("What context should the prompt use?", "context"))
    return f"Use this context: {content.get('context')}"


TOOLS = (
    elicitation,
    sampling,
    list_roots,
    request_state,
    multiple_inputs,
    multi_round,
    tampered_state,
    capabilities,
)
