"""The pages that answer a question are true: what models read, what is logged, and what strangers get."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from tests.docs.blocks import REPOSITORY, block, blocks, checks, sessiongen, text_of
from tests.docs.shop import MODEL, run, said
from tests.runtime.test_middleware import Peer

from mcp_sessions.ids import mint_handle
from mcp_sessions.testing import FakeClock


@checks("what-the-model-sees.md", "# cart.yaml", "# server.py", '"name": ', '"retention"')
def test_a_model_sees_the_tools_that_are_shown(isolated: Path) -> None:
    mcp = run(isolated, MODEL)["mcp"]

    async def use() -> tuple[list[dict[str, Any]], dict[str, Any]]:
        async with Client(mcp) as client:
            tools = (await client.list_tools()).tools
            made = (await client.call_tool("create_cart", {})).structured_content or {}
        return [tool.model_dump(by_alias=True, exclude_none=True) for tool in tools], made

    tools, made = asyncio.run(use())
    *shown, result = [json.loads(one.text) for one in blocks(MODEL, "json")]
    for tool in tools:
        del tool["outputSchema"]
    assert sorted(shown, key=lambda tool: tool["name"]) == sorted(tools, key=lambda tool: tool["name"])
    assert set(result) == set(made)
    assert result["retention"] == made["retention"]
    assert re.sub("[a-z2-7]{32}", "", result["cart"]) == re.sub("[a-z2-7]{32}", "", made["cart"])


def test_a_model_reads_the_errors_that_are_shown(isolated: Path) -> None:
    scope = run(isolated, MODEL)
    from mcp.server import MCPServer

    from mcp_sessions.server import Sessions
    from mcp_sessions.stores import MemoryStore

    clock = FakeClock()
    sessions = Sessions(MemoryStore(clock=clock), schemas=scope["sessions"].schemas)
    mcp = MCPServer("shop", extensions=[sessions])
    mcp.add_tool(scope["add_item"])

    async def use() -> list[str]:
        async with Client(mcp) as modern, Client(mcp, mode="legacy") as legacy:

            async def refused(client: Client, tool: str = "add_item", **arguments: object) -> str:
                result = await client.call_tool(tool, {"item": "x", **arguments} if tool == "add_item" else arguments)
                assert result.is_error
                return said(result).removeprefix(f"Error executing tool {tool}: ")

            async def begin() -> str:
                return ((await modern.call_tool("create_cart", {})).structured_content or {})["cart"]

            texts = [await refused(modern), await refused(modern, cart=mint_handle("cart"))]
            await legacy.call_tool("add_item", {"item": "x"})
            expires = await begin()
            clock.advance(3000)
            texts.append(await refused(modern, cart=expires))
            ended = await begin()
            await modern.call_tool("end_cart", {"cart": ended})
            texts += [await refused(modern, cart=ended), await refused(legacy)]
            texts.append(await refused(modern, "create_cart", title="x" * 81))
        return texts

    table = text_of(MODEL).partition("| what happened | what the model reads |")[2].partition("\n\n")[0]
    shown = [row.strip("| ").split(" | ")[1] for row in table.splitlines()[2:]]
    assert shown == asyncio.run(use())


@checks("which-scope.md", "# scopes.yaml")
def test_each_scope_does_what_its_column_says(isolated: Path) -> None:
    (isolated / "scopes.yaml").write_text(block("which-scope.md", "# scopes.yaml"))
    sessiongen("scopes.yaml", "-o", "state", cwd=isolated)
    import importlib

    from mcp.server import MCPServer

    from mcp_sessions.server import Sessions

    module = importlib.import_module("state.scopes")
    kinds = {
        "auto": module.CartSession,
        "handle": module.DraftSession,
        "transport": module.WindowSession,
        "user": module.PreferencesSession,
    }
    sessions = Sessions("memory://", schemas=list(kinds.values()))
    mcp = MCPServer("scopes", extensions=[sessions])
    for scope, kind in kinds.items():

        async def keys(session: Any) -> list[str]:
            return await session.keys()  # type: ignore[no-any-return]

        keys.__annotations__["session"] = kind
        mcp.add_tool(keys, name=scope)

    answers = {
        "no handle": "this call names no",
        "that it cannot": "lives in the client's MCP session",
        "leave": "has no handles: leave that argument out",
        "log in": "the client must log in",
        "works": "",
    }

    async def answer(client: Client, scope: str, **arguments: str) -> str:
        result = await client.call_tool(scope, arguments)
        found = [name for name, text in answers.items() if text and text in str(result.content)]
        return found[0] if result.is_error else "works"

    async def use() -> dict[str, list[str]]:
        async with Client(mcp) as modern, Client(mcp, mode="legacy") as legacy:
            tools = {tool.name for tool in (await modern.list_tools()).tools}
            assert {"create_cart", "end_cart", "begin_draft", "discard_draft", "my_drafts"} <= tools
            assert not {"create_window", "create_preferences"} & tools
            cart = ((await modern.call_tool("create_cart", {})).structured_content or {})["cart"]
            draft = ((await modern.call_tool("begin_draft", {})).structured_content or {})["draft"]
            handles = {"auto": cart, "handle": draft, "transport": cart, "user": cart}
            return {
                "legacy": [await answer(legacy, scope) for scope in kinds],
                "modern": [await answer(modern, scope) for scope in kinds],
                "handle": [await answer(legacy, scope, session=handle) for scope, handle in handles.items()],
            }

    assert asyncio.run(use()) == {
        "legacy": ["works", "no handle", "works", "log in"],
        "modern": ["no handle", "no handle", "that it cannot", "log in"],
        "handle": ["works", "works", "leave", "leave"],
    }


@checks("which-store.md", "MCP_SESSIONS_STORE")
def test_the_environment_says_which_store_it_is(with_counter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mcp_sessions.stores import MemoryStore
    from mcp_sessions.stores.redis import RedisStore

    code = block("which-store.md", "MCP_SESSIONS_STORE")
    [url] = re.findall(r"# MCP_SESSIONS_STORE=([^,]*),", code)
    monkeypatch.delenv("MCP_SESSIONS_STORE", raising=False)
    for environment, kind in ({}, MemoryStore), ({"MCP_SESSIONS_STORE": url}, RedisStore):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        scope: dict[str, Any] = {}
        exec(code, scope)
        assert type(scope["sessions"].store) is kind


@checks("security.md", "# server.py")
def test_a_user_does_not_reach_the_session_of_another(with_counter: Path) -> None:
    scope: dict[str, Any] = {"__name__": "server"}
    exec(block("security.md", "# server.py"), scope)
    ann, bob = ({"authorization": f"Bearer {name}'s token"} for name in ("ann", "bob"))

    async def use() -> list[Any]:
        app = scope["app"]
        transport = httpx2.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http,
        ):
            peer = Peer(http)
            session_id = await peer.initialize(**ann)
            call = {"name": "increment", "arguments": {}}
            own = await peer.post("tools/call", call, mcp_session_id=session_id, **ann)
            made = await peer.post("tools/call", {"name": "create_counter"}, mcp_session_id=session_id, **ann)
            handle = _result(made)["structuredContent"]["counter"]
            theirs = await peer.initialize(**bob)
            foreign = {"name": "increment", "arguments": {"counter": handle}}
            refused = await peer.post("tools/call", foreign, mcp_session_id=theirs, **bob)
            return [
                _result(own)["structuredContent"]["result"],
                _result(refused)["content"][0]["text"],
                (await peer.post("tools/call", call, mcp_session_id=session_id, **bob)).status_code,
                (await peer.post("tools/call", call, mcp_session_id=session_id)).status_code,
            ]

    counted, text, stranger, nobody = asyncio.run(use())
    assert (counted, stranger, nobody) == (1, 404, 401)
    assert "there is no such counter session" in text


def _result(answer: httpx2.Response) -> dict[str, Any]:
    text = answer.text
    data = (
        json.loads(re.findall(r"^data: (\{.*)$", text, re.MULTILINE)[-1])
        if text.startswith(("event", "id", "data"))
        else answer.json()
    )
    result: dict[str, Any] = data["result"]
    return result


def test_the_tests_that_the_page_names_are_there() -> None:
    names = re.findall(r"`(?:tests/\w+/)?(test_\w+\.py)`", text_of("security.md"))
    assert len(names) == 4
    there = {path.name for path in (REPOSITORY / "tests").rglob("test_*.py")}
    assert set(names) <= there
