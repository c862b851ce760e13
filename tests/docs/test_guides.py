"""The guides are true: each example runs, on the schema or the store that it is about."""

import asyncio
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from tests.docs.blocks import block, checks, sessiongen, text_of

from mcp_sessions import UntypedSession, errors, open_store
from mcp_sessions.stores import Limits


def cart_module(folder: Path, page: str = "accessors.md") -> None:
    (folder / "cart.yaml").write_text(block(page, "A shopping cart", "yaml"))
    sessiongen("cart.yaml", "-o", "state", cwd=folder)


@checks("accessors.md", "A shopping cart")
def test_both_forms_of_the_cart_give_the_same_code(isolated: Path) -> None:
    codes: list[str] = []
    for language, name in (("yaml", "cart.yaml"), ("python", "cart.py")):
        (isolated / name).write_text(block("accessors.md", "A shopping cart", language))
        sessiongen("generate", name, "-o", f"out_{language}", cwd=isolated)
        code = (isolated / f"out_{language}/cart.py").read_text().splitlines()
        assert code[1].endswith(f"../{name} -o .")
        codes.append("\n".join([*code[:1], *code[2:]]))
    assert codes[0] == codes[1]
    assert 'handle="basket"' in codes[0]


def test_the_methods_of_the_page_are_those_of_a_generated_class(isolated: Path) -> None:
    cart_module(isolated)
    code = (isolated / "state/cart.py").read_text()
    table = text_of("accessors.md").partition("| method | for |")[2].partition("\n\n")[0]
    shown = set(re.findall(r"`(\w+)_x\(", table))
    assert shown == set(re.findall(r"async def (\w+)_(?:visits|items|coupon|status|title|prices)\(", code))


def test_what_is_unset_counts_as_the_default_or_as_nothing(isolated: Path) -> None:
    """As the page says of ``increment_x`` and ``append_x``."""
    page = text_of("accessors.md")
    assert "what is unset counts as the default, and as 0 where there is none |" in page
    assert "what is unset counts as the default, and as `[]` where there is none |" in page
    keys = "{a: int = 5, b: int, c: {type: 'list[int]', default: [5]}, d: 'list[int]'}"
    (isolated / "sums.yaml").write_text(f"sessiongen: 1\nsessions: {{sums: {{keys: {keys}}}}}\n")
    sessiongen("sums.yaml", "-o", "state", cwd=isolated)
    kind = runpy.run_path("state/sums.py")["SumsSession"]

    async def use() -> dict[str, Any]:
        sums = await kind.create(open_store("memory://"))
        assert [await sums.increment_a(2), await sums.increment_b(2)] == [7, 2]
        await sums.append_c(2)
        await sums.append_d(2)
        return dict((await sums.snapshot()).model_dump())

    assert asyncio.run(use()) == {"a": 7, "b": 2, "c": [5, 2], "d": [2]}


@checks("accessors.md", "cart.transaction()")
def test_the_example_of_transactions_does_what_it_says(isolated: Path) -> None:
    cart_module(isolated)
    scope: dict[str, Any] = {}
    exec(block("accessors.md", "cart.transaction()"), scope)

    async def use() -> dict[str, Any]:
        items = [{"sku": sku, "price": "1.50"} for sku in ("AAA", "BBB")]
        kind = scope["CartSession"]
        values = {"coupon": "X", "items": kind._named("items").form.load(json.dumps(items).encode())}
        cart = await kind.create(open_store("memory://"), values=values)
        await scope["pay"](cart)
        assert await scope["tidy"](cart) == 1
        state: dict[str, Any] = (await cart.snapshot()).model_dump(exclude_unset=True)
        return state

    state = asyncio.run(use())
    assert (state["status"], state["visits"], len(state["items"])) == ("paid", 1, 1)
    assert "coupon" not in state


def test_mypy_finds_a_forgotten_await_where_the_page_says_so(isolated: Path) -> None:
    cart_module(isolated)
    head = "from state.cart import CartSession\n\n\nasync def use(cart: CartSession) -> "
    (isolated / "found.py").write_text(f"{head}None:\n    cart.set_visits(1)\n")
    (isolated / "used.py").write_text(f"{head}int:\n    return cart.get_visits() + 1\n")
    (isolated / "not_found.py").write_text(f'{head}str:\n    return f"{{cart.get_visits()}}"\n')
    line = [sys.executable, "-m", "mypy", "found.py", "used.py", "not_found.py"]
    said = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False).stdout
    assert re.search(r"^found\.py:5: .*\[unused-coroutine\]$", said, re.MULTILINE), said
    assert "used.py:5: error" in said
    assert "not_found.py" not in said


@checks("accessors.md", "UntypedSession.create")
def test_the_untyped_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, Any] = {}
    exec(block("accessors.md", "UntypedSession.create"), scope)
    asyncio.run(scope["main"]())
    assert capsys.readouterr().out == "{'you': ['like', 1, None]}\n['anything'] True\n"


@checks("accessors.md", "test_increment")
def test_the_example_of_a_test_passes(with_counter: Path) -> None:
    scope: dict[str, Any] = {}
    exec(block("accessors.md", "test_increment"), scope)
    scope["test_increment"]()


@checks("server.md", "# server.py")
def test_the_server_counts_and_its_resource_tells(with_counter: Path) -> None:
    scope: dict[str, Any] = {"__name__": "server"}
    exec(block("server.md", "# server.py"), scope)
    sessions, mcp = scope["sessions"], scope["mcp"]
    sessions.attach(mcp)

    async def use() -> list[str]:
        async with Client(mcp) as modern, Client(mcp, mode="legacy") as legacy:
            made = (await modern.call_tool("create_counter", {})).structured_content or {}
            results = [
                await modern.call_tool("increment", {"counter": made["counter"], "by": 5}),
                await legacy.call_tool("increment", {}),
            ]
            told = await modern.read_resource(f"counter://{made['counter']}/value")
        await sessions.aclose()
        return [*(result.content[0].text for result in results), told.contents[0].text]

    assert asyncio.run(use()) == ["Counter: 5", "Counter: 1", "5"]


@checks("server.md", "sessions.lifespan(")
def test_the_example_of_mounting_answers_browsers() -> None:
    scope: dict[str, Any] = {"__name__": "server"}
    exec(block("server.md", "sessions.lifespan("), scope)
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    headers = {"accept": "application/json, text/event-stream", "origin": "https://app.example"}

    async def use() -> httpx2.Response:
        app = scope["app"]
        transport = httpx2.ASGITransport(app=app)
        async with app.router.lifespan_context(app), httpx2.AsyncClient(transport=transport) as http:
            return await http.post("http://127.0.0.1:8000/tools/mcp", json=body, headers=headers)

    answer = asyncio.run(use())
    assert answer.status_code == 200
    assert answer.headers["mcp-session-id"]
    assert answer.headers["access-control-expose-headers"] == "Mcp-Session-Id"


@checks("lifetimes.md", "@sessions.on_end")
def test_the_hooks_of_the_page_are_called(with_counter: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, Any] = {"__name__": "server"}
    exec(block("lifetimes.md", "@sessions.on_end"), scope)
    from mcp.server import MCPServer

    mcp = MCPServer("hooks", extensions=[scope["sessions"]])

    async def use() -> None:
        async with Client(mcp) as client:
            made = (await client.call_tool("create_counter", {})).structured_content or {}
            assert await scope["sessions"].end(made["counter"])
        await scope["sessions"].aclose()

    asyncio.run(use())
    assert capsys.readouterr().out == "a counter is evicted at 100\n"


def test_the_limits_of_the_page_are_the_defaults() -> None:
    from mcp_sessions.stores.terms import DEFAULT_LIMITS

    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+)( MiB)?", text_of("lifetimes.md"), re.MULTILINE)
    shown = {name: int(number.replace(",", "")) * (1024**2 if unit else 1) for name, number, unit in rows}
    assert Limits(**shown) == DEFAULT_LIMITS


@checks("stores.md", "KeyValueStore(")
def test_the_example_of_a_key_value_store_keeps_sessions_there(with_counter: Path) -> None:
    scope: dict[str, Any] = {}
    exec(block("stores.md", "KeyValueStore("), scope)

    async def use() -> int:
        counter = await scope["CounterSession"].create(scope["sessions"].store)
        await counter.increment_counter(41)
        total: int = await scope["CounterSession"].open(scope["sessions"].store, counter.id).increment_counter()
        return total

    assert asyncio.run(use()) == 42


@checks("stores.md", "export_sessions")
def test_sessions_go_from_one_store_to_another_as_shown(isolated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def fill() -> str:
        store = open_store("sqlite:///sessions.db")
        session = await UntypedSession.create(store, values={"a": 1})
        await store.aclose()
        return session.id

    async def look(handle: str) -> object:
        store = open_store("sqlite:///moved.db")
        found = await UntypedSession.open(store, handle).get("a")
        await store.aclose()
        return found

    handle = asyncio.run(fill())
    (isolated / "move.py").write_text(block("stores.md", "export_sessions"))
    runpy.run_path("move.py")
    [comment] = re.findall(r"# (Imported\(.*\))", block("stores.md", "export_sessions"))
    assert capsys.readouterr().out == comment.replace("...", "1") + "\n"
    assert asyncio.run(look(handle)) == 1


def test_the_store_urls_open(isolated: Path) -> None:
    urls = re.findall(r"`((?:memory|sqlite)://[^`]*)`", text_of("stores.md"))
    relative = [url for url in urls if "////" not in url]
    assert "memory://" in relative
    assert len(relative) >= 2
    for url in (*relative, "sqlite:///sessions.db?synchronous=FULL&busy_timeout=5s"):
        open_store(url)


@checks("encryption.md", "EncryptedStore(")
def test_the_example_of_encryption_keeps_no_plaintext() -> None:
    scope: dict[str, Any] = {"__name__": "server"}
    exec(block("encryption.md", "EncryptedStore("), scope)

    async def use() -> dict[str, bytes]:
        store = scope["sessions"].store
        session = await UntypedSession.create(store)
        await session.set("a", "swordfish")
        assert await session.get("a") == "swordfish"
        kept: dict[str, bytes] = await store.store.read(session._access())
        return kept

    assert b"swordfish" not in asyncio.run(use())["a"]


def test_every_error_is_on_its_page() -> None:
    page = text_of("errors.md")
    names = [name for name in errors.__all__ if name.endswith("Error")]
    assert [name for name in names if f"`{name}`" not in page] == []
