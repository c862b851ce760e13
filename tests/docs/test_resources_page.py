"""docs/resources.md is true: its code runs, and what it says of limits and names is so."""

import asyncio
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPDeprecationWarning

from mcp_sessions.resources import places, served, subscriptions
from mcp_sessions.stores.notices import board
from mcp_sessions.stores.sqlite import notices as sqlite_notices

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs/resources.md").read_text(encoding="utf-8")


@pytest.fixture
def scopes(page: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What each block of Python defines, in the folder of a project with the counter's schema."""
    schema = repository / "schemas/counter.yaml"
    command = [sys.executable, "-m", "mcp_sessiongen", "generate", str(schema), "-o", "state"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120, capture_output=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "state"}
    made: list[Any] = []
    for block in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        made.append({"__name__": "page"})
        exec(block, made[-1])
    yield made
    for name in [name for name in sys.modules if name.partition(".")[0] == "state"]:
        del sys.modules[name]
    sys.modules.update(hidden)


async def line(capsys: pytest.CaptureFixture[str], seen: list[str], wanted: str) -> None:
    """Wait until a line was printed."""
    async with asyncio.timeout(30):
        while wanted not in seen:
            seen += capsys.readouterr().out.splitlines()
            await asyncio.sleep(0.01)


async def test_a_client_follows_what_tools_and_a_script_do(
    scopes: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    server, modern, _, script = scopes
    server["sessions"].attach(server["mcp"])
    seen: list[str] = []
    async with Client(server["mcp"]) as client:
        made = (await client.call_tool("create_counter", {})).structured_content or {}
        handle = made["counter"]
        following = asyncio.create_task(modern["follow"](client, f"session://counter/{handle}"))
        await line(capsys, seen, '{"counter":0}')
        await client.call_tool("increment", {"counter": handle, "by": 7})
        await line(capsys, seen, '{"counter":7}')
        seen.clear()
        await script["reset"]("sqlite:///sessions.db", handle)
        await line(capsys, seen, '{"counter":0}')
        following.cancel()
        await asyncio.wait([following])
        text = getattr((await client.read_resource(f"session://counter/{handle}")).contents[0], "text", "")
        assert json.loads(text) == {"counter": 0}
    await server["sessions"].aclose()


async def test_a_legacy_client_is_notified(scopes: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    server, _, legacy, _ = scopes
    server["sessions"].attach(server["mcp"])
    await_print = asyncio.Event()
    real = legacy["notified"]

    async def notified(message: Any) -> None:
        await real(message)
        await_print.set()

    legacy["notified"] = notified
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        subscribing = legacy["subscribe"]

        class Waiting(Client):
            """The page's client leaves at once; the test waits for what it is told."""

            async def __aexit__(self, *error: Any) -> None:
                async with asyncio.timeout(30):
                    await await_print.wait()
                await super().__aexit__(*error)

        legacy["Client"] = Waiting
        await subscribing(server["mcp"])
    assert "changed: session://counter/current" in capsys.readouterr().out
    await server["sessions"].aclose()


def test_the_limits_are_those_of_the_code(page: str) -> None:
    assert f"listens to {subscriptions.MOST_RESOURCES} resources at most" in page
    assert f"with a URI of at most {subscriptions.MOST_URI_BYTES // 1024} KB" in page
    assert f"one user has {places.MOST_STREAMS} streams in a process" in page
    assert f"a process has {places.MOST_STANDING} streams of each kind" in page
    assert f"up to {served.MOST_LISTED} of each schema" in page
    assert f"within {board.PAUSE_SECONDS * 1000:.0f} ms are told once" in page
    assert sqlite_notices.LOOK_SECONDS == 0.1
    assert "look ten times a second" in page
    assert board._TOPIC_BYTES + 1 == 17
    assert "A notice is 17 bytes" in page
