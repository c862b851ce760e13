"""How an accessor is described where it is an argument: as a handle, or not at all."""

import re
from inspect import currentframe
from typing import Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticOmit

from mcp_sessions.schema import SessionSchema

HIDDEN: Final = "Leave this out: it is no argument, and whose session is meant is known without it."
"""What is said of an argument that nobody may give, where pydantic cannot leave it out; adapters then do."""


_HANDLE: Final = re.compile(r"(Required: the|The) handle of a \w+ session\.")


def described(schema: SessionSchema) -> JsonSchemaValue:
    """Return the JSON schema of an argument that is a session.

    Raises:
        PydanticOmit: If no handle can name the session, so that the argument is left out.
    """
    if schema.has_handles:
        return {"type": "string", "description": _what_it_is(schema)}
    if _is_of_function():
        return {"type": "null", "description": HIDDEN}
    raise PydanticOmit


def is_session(description: object) -> bool:
    """Tell whether an argument that is described so is a session."""
    return isinstance(description, str) and (description.startswith(HIDDEN) or bool(_HANDLE.match(description)))


def _is_of_function() -> bool:
    """Tell whether pydantic describes a function, not a model: there it fails where an argument is to be left out.

    The SDK makes a model of a tool's parameters; FastMCP has the function itself described. No hook of pydantic's is
    told which, so we look who asks.
    """
    frame = currentframe()
    while frame is not None:
        if frame.f_code in _OF_FUNCTIONS:
            return True
        frame = frame.f_back
    return False


_OF_FUNCTIONS: Final = (
    GenerateJsonSchema.kw_arguments_schema.__code__,
    GenerateJsonSchema.p_arguments_schema.__code__,
)


def _what_it_is(schema: SessionSchema) -> str:
    if schema.scope == "handle":
        return f"Required: the handle of a {schema.name} session."
    return (
        f"The handle of a {schema.name} session. Only a client with an MCP session of its own may leave it out, for "
        f"the state of that session."
    )
