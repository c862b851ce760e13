"""The pages on FastMCP are true: their code runs, and does what they say."""

import asyncio
import importlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from tests.e2e.conftest import free_port
from tests.runtime.test_middleware import HEADERS, HELLO

MODULES = ("server", "app", "before", "after", "named_before", "named_after")


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs/fastmcp.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def moving(repository: Path) -> str:
    return (repository / "docs/moving-from-fastmcp-state.md").read_text(encoding="utf-8")


@pytest.fixture
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's folder as the current one, from which modules are imported and then forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def ours() -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] in ("state", *MODULES)]

    hidden = {name: sys.modules.pop(name) for name in ours()}
    yield tmp_path
    for name in ours():
        del sys.modules[name]
    sys.modules.update(hidden)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def block_with(text: str, language: str, marker: str) -> str:
    [found] = [block for block in blocks(text, language) if marker in block]
    return found


def write_files(text: str, folder: Path) -> None:
    """Write the blocks that begin with the name of a file."""
    for name, content in re.findall(r"^```(?:yaml|python)\n# (\S+\.\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def server(page: str, isolated: Path) -> ModuleType:
    """The server of the page, with its schema compiled and its files written."""
    (isolated / "schemas").mkdir()
    (isolated / "schemas/counter.yaml").write_text(block_with(page, "yaml", "A counter that lives"))
    [command] = re.findall(r"`mcp-sessiongen (schemas/counter\.yaml [^`]*)`", page)
    run("mcp_sessiongen", *command.split(), cwd=isolated)
    write_files(page, isolated)
    return importlib.import_module("server")


async def told(client: Client[Any], tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments, raise_on_error=False)
    return "".join(block.text for block in result.content if block.type == "text")


async def handle_of(client: Client[Any], schema: str = "counter") -> dict[str, str]:
    made = (await client.call_tool(f"create_{schema}", {})).structured_content
    assert made is not None
    return {schema: made[schema]}


def test_the_schema_is_the_one_in_schemas(page: str, repository: Path) -> None:
    assert block_with(page, "yaml", "A counter that lives") in (repository / "schemas/counter.yaml").read_text()


def test_the_server_works_in_both_eras(server: ModuleType) -> None:
    async def use() -> list[str]:
        async with Client(server.mcp, mode="legacy") as legacy, Client(server.mcp) as modern:
            said = [await told(legacy, "increment", by=2), await told(legacy, "increment")]
            return [*said, await told(modern, "increment", **await handle_of(modern)), await told(modern, "increment")]

    *counted, refused = asyncio.run(use())
    assert counted == ["Counter: 2", "Counter: 3", "Counter: 1"]
    assert "create_counter" in refused


def test_accessors_work_wherever_the_page_says(page: str, server: ModuleType) -> None:
    exec(block_with(page, "python", "async def report"), {})

    async def use() -> list[str]:
        async with Client(server.mcp, mode="legacy") as client:
            await told(client, "increment", by=4)
            content = (await client.get_prompt("report", {"topic": "x"})).messages[0].content
            [mine] = await client.read_resource("counter://mine")
            handle = (await handle_of(client))["counter"]
            [value] = await client.read_resource(f"counter://{handle}/value")
            texts = [getattr(one, "text") for one in (content, mine, value)]  # noqa: B009 -- each is one of several kinds
            return [await told(client, "double"), *texts]

    assert asyncio.run(use()) == ["8", "Report on x. The counter is at 4.", "4", "0"]


def test_an_accessor_before_a_required_parameter_is_refused_in_the_words_of_the_page(
    page: str, server: ModuleType
) -> None:
    from state.counter import CounterSession

    async def report(counter: CounterSession, topic: str) -> str:
        return topic

    [words] = re.findall(r"words: `([^`]*)`", page.replace("\n", " "))
    with pytest.raises(Exception, match=words):
        server.mcp.tool(report)


def test_the_application_gives_legacy_clients_a_session(server: ModuleType) -> None:
    app = importlib.import_module("app").app
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}

    async def use() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=app)
        async with app.lifespan(app), httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            return await http.post("/mcp", json=body, headers=HEADERS)

    assert asyncio.run(use()).headers["mcp-session-id"].startswith("mcps-")


def test_uvicorn_serves_it_with_several_workers(page: str, server: ModuleType, isolated: Path) -> None:
    command, port = block_with(page, "console", "uvicorn").split()[1:], free_port()
    assert command[-2:] == ["--workers", "4"]
    line = [sys.executable, "-m", *command[:-1], "2", "--port", str(port), "--log-level", "warning"]

    async def use() -> list[str]:
        async with Client(StreamableHttpTransport(f"http://127.0.0.1:{port}/mcp"), mode="legacy") as client:
            return [await told(client, "increment") for _ in range(4)]

    with (isolated / "log").open("wb") as log, subprocess.Popen(line, cwd=isolated, stdout=log, stderr=log) as process:
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    said = asyncio.run(use())
                    break
                except (RuntimeError, httpx2.HTTPError):
                    assert time.monotonic() < deadline, (isolated / "log").read_text()
                    time.sleep(0.1)
        finally:
            process.terminate()
            process.wait(timeout=30)
    assert said == [f"Counter: {number}" for number in (1, 2, 3, 4)]


def test_the_example_with_users_lets_in_only_the_owner(page: str, server: ModuleType) -> None:
    scope: dict[str, Any] = {}
    exec(block_with(page, "python", "StaticTokenVerifier("), scope)
    app, mcp = scope["app"], scope["mcp"]
    counter = sys.modules["state.counter"].CounterSession

    @mcp.tool
    async def increment(counter: counter) -> int:
        return int(await counter.increment_counter())

    def connect(token: str) -> Client[Any]:
        def make(**options: Any) -> httpx2.AsyncClient:
            options.pop("transport", None)
            return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), **options)

        return Client(StreamableHttpTransport("http://127.0.0.1/mcp", httpx_client_factory=make), auth=token)

    async def use() -> list[str]:
        async with app.lifespan(app), connect("secret-of-anna") as anna, connect("secret-of-ben") as ben:
            handle = await handle_of(anna)
            return [await told(client, "increment", **handle) for client in (anna, ben)]

    counted, refused = asyncio.run(use())
    assert counted == "1"
    assert "there is no such counter session" in refused


def test_the_example_of_mounting_has_the_tools_that_it_names(page: str, server: ModuleType) -> None:
    scope: dict[str, Any] = {}
    exec(block_with(page, "python", "mcp.mount("), scope)

    async def use() -> tuple[set[str], str]:
        async with Client(scope["mcp"]) as client:
            names = {tool.name for tool in await client.list_tools()}
            return names, await told(client, "tools_peek", **await handle_of(client))

    assert asyncio.run(use()) == ({"create_counter", "end_counter", "tools_peek"}, "0")


def test_the_example_of_a_proxy_is_one(page: str) -> None:
    scope: dict[str, Any] = {}
    exec(block_with(page, "python", "create_proxy("), scope)
    assert scope["proxy"].name


def test_the_example_of_a_test_passes(page: str, server: ModuleType) -> None:
    scope: dict[str, Any] = {}
    exec(block_with(page, "python", "test_increment"), scope)
    scope["test_increment"]()


@pytest.fixture
def shop(moving: str, isolated: Path) -> Path:
    """The files of the page on moving, with their schemas compiled as it says."""
    write_files(moving, isolated)
    [command] = [block.split()[2:] for block in blocks(moving, "console")]
    for schema in ("schemas/cart.yaml", "schemas/desk.yaml"):
        arguments = [schema if part.endswith(".yaml") else part for part in command]
        run("mcp_sessiongen", *arguments, cwd=isolated)
    return isolated


async def bought(module: ModuleType, mode: Any, **arguments: str) -> list[str]:
    async with Client(module.mcp, mode=mode) as client:
        named = await handle_of(client, "cart") if arguments else {}
        calls: list[tuple[str, dict[str, str]]] = [
            ("pay", {}),
            ("add", {"sku": "A"}),
            ("add", {"sku": "B"}),
            ("pay", {}),
        ]
        return [await told(client, tool, **given, **named) for tool, given in calls]


def test_the_cart_does_the_same_before_and_after_for_a_legacy_client(shop: Path) -> None:
    said = ["The cart is empty.", "1 in the cart", "2 in the cart", "Paid."]
    for name in ("before", "after"):
        assert asyncio.run(bought(importlib.import_module(name), "legacy")) == said


def test_a_modern_client_loses_the_cart_before_and_has_one_after(shop: Path) -> None:
    lost = ["The cart is empty.", "1 in the cart", "1 in the cart", "The cart is empty."]
    assert asyncio.run(bought(importlib.import_module("before"), "auto")) == lost
    kept = ["The cart is empty.", "1 in the cart", "2 in the cart", "Paid."]
    assert asyncio.run(bought(importlib.import_module("after"), "auto", cart="")) == kept


def test_notes_are_kept_before_and_after(shop: Path) -> None:
    before, after = importlib.import_module("named_before"), importlib.import_module("named_after")

    async def use() -> list[str]:
        async with Client(before.mcp) as old, Client(after.mcp) as new:
            session_id = await told(old, "create_session")
            said = [await told(old, "note", text=text, session_id=session_id) for text in "ab"]
            handle = await handle_of(new, "notes")
            said += [await told(new, "note", text=text, **handle) for text in "ab"]
            assert {tool.name for tool in await new.list_tools()} == {"note", "prefer", "create_notes", "end_notes"}
            return [
                *said,
                await told(new, "note", text="c", notes=session_id),
                await told(new, "prefer", language="de"),
            ]

    *counted, stale, nobody = asyncio.run(use())
    assert counted == ["1", "2", "1", "2"]
    assert "Call create_notes" in stale
    assert "belongs to a user" in nobody


def test_what_comes_after_satisfies_a_type_checker(shop: Path) -> None:
    run("mypy", "--strict", "after.py", "named_after.py", "state", cwd=shop)


def test_the_extra_that_the_page_names_is_there(page: str, repository: Path) -> None:
    assert "mcp-sessiongen[fastmcp]" in page
    assert re.search(r"^fastmcp = \[", (repository / "pyproject.toml").read_text(), re.MULTILINE)
