"""The README is true: its code runs, its schemas compile, and what it shows is what is printed."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp_types import TextContent

from mcp_sessions import UntypedSession, open_store

HANDLE = re.compile(r"_[a-z2-7]{4}\.\.\.")
TYPO = (
    "sessiongen: 1\nsessions:\n  cart:\n    keys:\n      items: list[Itm] = []\ntypes:\n  Item: {fields: {sku: str}}\n"
)


@pytest.fixture(scope="module")
def readme(repository: Path) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's folder as the current one, from which modules are imported and then forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "state"}
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.partition(".")[0] == "state":
            del sys.modules[name]
    sys.modules.update(hidden)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def block_with(text: str, language: str, marker: str) -> str:
    [found] = [block for block in blocks(text, language) if marker in block]
    return found


def sessiongen(*arguments: str, cwd: Path, expect: int = 0) -> str:
    command = [sys.executable, "-m", "mcp_sessiongen", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_schema_gives_the_code_and_the_tool_works_in_both_eras(readme: str, isolated: Path) -> None:
    (isolated / "schemas").mkdir()
    (isolated / "schemas/counter.yaml").write_text(block_with(readme, "yaml", "A counter that lives"))
    sessiongen("schemas/counter.yaml", "-o", "state", cwd=isolated)
    generated = (isolated / "state/counter.py").read_text()
    for line in block_with(readme, "python", "class CounterSession(").splitlines():
        assert line.removesuffix(" ...") in generated
    scope: dict[str, Any] = {"__name__": "readme"}
    exec(block_with(readme, "python", "sessions.run("), scope)

    async def use() -> list[str]:
        answers: list[str] = []
        async with Client(scope["mcp"], mode="legacy") as legacy, Client(scope["mcp"]) as modern:
            handle = (await modern.call_tool("create_counter", {})).structured_content or {}
            for client, arguments in ((legacy, {"by": 2}), (legacy, {}), (modern, handle), (modern, {})):
                result = await client.call_tool("increment", {k: v for k, v in arguments.items() if k != "retention"})
                answers += [block.text for block in result.content if isinstance(block, TextContent)]
        await scope["sessions"].aclose()
        return answers

    *counted, refused = asyncio.run(use())
    assert counted == ["Counter: 2", "Counter: 3", "Counter: 1"]
    assert "create_counter" in refused


def test_the_example_of_a_test_passes(readme: str, isolated: Path) -> None:
    (isolated / "counter.yaml").write_text(block_with(readme, "yaml", "A counter that lives"))
    sessiongen("counter.yaml", "-o", "state", cwd=isolated)
    scope: dict[str, Any] = {}
    exec(block_with(readme, "python", "test_increment"), scope)
    scope["test_increment"]()


def test_the_example_of_a_key_value_store_keeps_sessions_there(readme: str, isolated: Path) -> None:
    (isolated / "counter.yaml").write_text(block_with(readme, "yaml", "A counter that lives"))
    sessiongen("counter.yaml", "-o", "state", cwd=isolated)
    scope: dict[str, Any] = {}
    exec(block_with(readme, "python", "KeyValueStore("), scope)

    async def use() -> int:
        counter = await scope["CounterSession"].create(scope["sessions"].store)
        await counter.increment_counter(41)
        total: int = await scope["CounterSession"].open(scope["sessions"].store, counter.id).increment_counter()
        return total

    assert asyncio.run(use()) == 42


def test_the_example_of_transactions_does_what_it_says(readme: str, isolated: Path) -> None:
    (isolated / "cart.yaml").write_text(block_with(readme, "yaml", "A shopping cart"))
    sessiongen("cart.yaml", "-o", "state", cwd=isolated)
    scope: dict[str, Any] = {}
    exec(block_with(readme, "python", "cart.transaction()"), scope)

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


def test_the_example_of_mounting_answers_browsers(readme: str) -> None:
    scope: dict[str, Any] = {"__name__": "readme"}
    exec(block_with(readme, "python", "sessions.lifespan("), scope)
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


def test_the_schema_in_the_readme_is_the_one_in_schemas(readme: str, repository: Path) -> None:
    assert block_with(readme, "yaml", "A counter that lives") in (repository / "schemas/counter.yaml").read_text()


def test_both_forms_of_the_reference_schema_give_the_same_code(readme: str, isolated: Path) -> None:
    codes: list[str] = []
    for language, name, marker in (("yaml", "cart.yaml", "A shopping cart"), ("python", "cart.py", "A shopping cart")):
        (isolated / name).write_text(block_with(readme, language, marker))
        sessiongen("generate", name, "-o", f"out_{language}", cwd=isolated)
        code = (isolated / f"out_{language}/cart.py").read_text().splitlines()
        assert code[1].endswith(f"../{name} -o .")
        codes.append("\n".join([*code[:1], *code[2:]]))
    assert codes[0] == codes[1]
    assert 'handle="basket"' in codes[0]


def test_the_untyped_example_runs(readme: str, capsys: pytest.CaptureFixture[str]) -> None:
    scope: dict[str, Any] = {}
    exec(block_with(readme, "python", "UntypedSession.create"), scope)
    asyncio.run(scope["main"]())
    assert capsys.readouterr().out == "{'you': ['like', 1, None]}\n['anything'] True\n"


def test_a_wrong_schema_gets_the_message_that_is_shown(readme: str, isolated: Path) -> None:
    (isolated / "cart.yaml").write_text(TYPO)
    shown = block_with(readme, "console", "error[unknown-type]").partition("\n")[2]
    assert shown in sessiongen("generate", "cart.yaml", "-o", "state", cwd=isolated, expect=2)


def test_the_example_of_encryption_keeps_no_plaintext(readme: str) -> None:
    scope: dict[str, Any] = {"__name__": "readme"}
    exec(block_with(readme, "python", "EncryptedStore("), scope)

    async def use() -> dict[str, bytes]:
        store = scope["sessions"].store
        session = await UntypedSession.create(store)
        await session.set("a", "swordfish")
        assert await session.get("a") == "swordfish"
        kept: dict[str, bytes] = await store.store.read(session._access())
        return kept

    assert b"swordfish" not in asyncio.run(use())["a"]


def test_the_store_urls_open(readme: str, isolated: Path) -> None:
    urls = re.findall(r"`((?:memory|sqlite)://[^`]*)`", readme)
    relative = [url for url in urls if "////" not in url]
    assert "memory://" in relative
    assert len(relative) >= 2
    for url in (*relative, "sqlite:///sessions.db?synchronous=FULL&busy_timeout=5s"):
        open_store(url)


def test_links_lead_somewhere(readme: str, repository: Path) -> None:
    titles = re.findall(r"^#+ (.*)$", readme, re.MULTILINE)
    headings = {re.sub(r"[^a-z -]", "", title.lower()).replace(" ", "-") for title in titles}
    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert len(links) > 5
    for link in links:
        assert link.removeprefix("#") in headings if link.startswith("#") else (repository / link).exists(), link


def test_make_test_does_what_is_shown(readme: str, repository: Path) -> None:
    shown = re.findall(r"^(==> .*)$", readme, re.MULTILINE)
    assert len(shown) == 5
    makefile = (repository / "Makefile").read_text()
    assert [line for line in shown if f'echo "{line}"' not in makefile] == []


def test_make_demo_prints_what_is_shown(readme: str, repository: Path) -> None:
    shown = block_with(readme, "console", "$ make demo").partition("$ make test")[0].splitlines()[1:]
    done = subprocess.run(
        [sys.executable, repository / "examples/demo.py"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    printed = HANDLE.sub("_xxxx...", done.stdout)
    assert [line for line in shown if HANDLE.sub("_xxxx...", line) not in printed] == []
