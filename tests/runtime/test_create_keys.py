"""Keys that a session begins with: parameters of the create tool, and values in scripts."""

from datetime import date
from typing import Annotated, Any, Literal

import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, Field, field_validator

from mcp_sessions import Key, Session, SessionKeyError, SessionSchema, SessionValueError, Store, UntypedSession
from mcp_sessions.server import Sessions

pytestmark = pytest.mark.anyio


class Line(BaseModel):
    sku: str = Field(alias="SKU", max_length=3)


class Cart(BaseModel):
    code: str = ""

    @field_validator("code")
    @classmethod
    def refuse(cls, value: str) -> str:
        assert value != "SECRET"
        return value


TITLE = Key[str, str | None]("title", Annotated[str, Field(max_length=8)], create="required", doc="What it is called.")
DUE = Key[date, date | None]("due", date, create="optional", ttl=30)
LINES = Key[list[Line]]("lines", list[Line], default=[], create="optional")
CODE = Key[str]("code", model=Cart, create="optional")
LEVEL = Key[Literal["low", "high"]]("level", Literal["low", "high"], default="low", create="optional")
HIDDEN = Key[int]("hidden", int, default=0)
KEYS = (TITLE, DUE, LINES, CODE, LEVEL, HIDDEN)


class BegunSession(Session[BaseModel, str], schema=SessionSchema(name="begun", keys=KEYS)):
    """Something that begins with values."""


def text_of(result: CallToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, TextContent))


@pytest.fixture
def server(store: Store) -> MCPServer[Any]:
    return MCPServer("test", extensions=[Sessions(store, schemas=[BegunSession])])


@pytest.fixture(params=["legacy", "2026-07-28"])
async def client(request: pytest.FixtureRequest, server: MCPServer[Any]) -> Any:
    async with Client(server, mode=request.param) as made:
        yield made


async def test_the_create_tool_describes_its_parameters(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    schema = tools["create_begun"].input_schema
    assert list(schema["properties"]) == ["title", "due", "lines", "code", "level"]
    assert schema["required"] == ["title"]
    assert schema["properties"]["title"] == {"type": "string", "maxLength": 8, "description": "What it is called."} | {
        "title": "Title"
    }
    assert schema["properties"]["due"]["format"] == "date"
    assert schema["properties"]["level"]["enum"] == ["low", "high"]
    assert schema["$defs"]["Line"]["properties"]["SKU"]["maxLength"] == 3


async def test_values_are_there_from_the_beginning(client: Client, store: Store, clock: Any) -> None:
    arguments = {"title": "true", "due": "2026-11-24", "lines": [{"SKU": "A"}], "code": "x"}
    result = await client.call_tool("create_begun", arguments)
    assert not result.is_error, text_of(result)
    assert result.structured_content is not None
    session = BegunSession.open(store, result.structured_content["begun"])
    assert await session._get(TITLE) == "true"
    assert await session._get(DUE) == date(2026, 11, 24)
    assert await session._get(LINES) == [Line(SKU="A")]
    assert await session.keys() == ["title", "due", "lines", "code"]
    clock.advance(30.0)
    assert await session.keys() == ["title", "lines", "code"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"title": "SECRET SECRET"}, "title: string should have at most 8 characters"),
        ({"title": "x", "code": "SECRET"}, "code: refused by a validator"),
        ({"title": "x", "due": "SECRET"}, "due: input should be a valid date"),
        ({"title": "x", "lines": [{"SKU": "SECRET"}]}, "lines: [0]"),
        ({"title": ["SECRET"]}, "title: input should be a valid string"),
        ({"code": "SECRET"}, "needs the argument title"),
        ({"title": None, "code": "SECRET"}, "title: input should be a valid string (got NoneType)"),
    ],
)
async def test_a_bad_value_is_refused_without_repeating_it(client: Client, arguments: Any, said: str) -> None:
    result = await client.call_tool("create_begun", arguments)
    assert result.is_error
    assert said in text_of(result)
    assert "SECRET" not in text_of(result)


async def test_scripts_give_values_by_key(store: Store) -> None:
    session = await BegunSession.create(store, values={"title": "x", "hidden": 5})
    assert await session.keys() == ["title", "hidden"]
    with pytest.raises(SessionValueError, match="cannot begin without title"):
        await BegunSession.create(store)
    with pytest.raises(SessionValueError, match=r"title: .* at most 8"):
        await BegunSession.create(store, values={"title": "far too long"})
    with pytest.raises(SessionKeyError, match="has no key 'other'"):
        await BegunSession.create(store, values={"title": "x", "other": 1})
    untyped = await UntypedSession.create(store, values={"a": [1]})
    assert await untyped.snapshot() == {"a": [1]}
