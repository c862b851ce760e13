"""The example server in two processes on each store that machines can share: real Valkey and real PostgreSQL."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest
from mcp import Client
from tests.e2e.conftest import Process
from tests.stores.postgres_server import postgres_server
from tests.stores.valkey_server import running

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["valkey", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "valkey":
        with running(tmp_path) as valkey:
            yield valkey.url
    else:
        with postgres_server() as postgres:
            yield postgres.url


@pytest.fixture
def start_on(url: str, tmp_path: Path) -> Iterator[Callable[[], Process]]:
    """Start example servers on the store."""

    class OnStore(Process):
        def command(self, database: Path) -> list[str]:
            return [sys.executable, "server.py", "--http", "--port", str(self.port), "--store", url]

    started: list[Process] = []

    def begin() -> Process:
        started.append(OnStore(tmp_path / "unused"))
        return started[-1]

    yield begin
    for process in started:
        process.stop()
    for process in started:
        log = process.log.read_text()
        assert "Traceback" not in log, log


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_two_processes_lose_no_increment_and_know_what_was_ended(
    start_on: Callable[[], Process], mode: str
) -> None:
    servers = [start_on(), start_on()]
    with anyio.fail_after(120):
        async with Client(servers[0].url, mode=mode) as one, Client(servers[1].url, mode=mode) as two:
            made = (await one.call_tool("create_counter", {})).structured_content
            assert made is not None
            handle = {"counter": made["counter"]}
            calls = [(one, two)[number % 2].call_tool("increment", handle) for number in range(100)]
            results = await asyncio.gather(*calls)
            assert {str(result.content[0]).split("Counter: ")[1].split("'")[0] for result in results} == {
                str(number) for number in range(1, 101)
            }
            assert not (await two.call_tool("end_counter", handle)).is_error
            refused = await one.call_tool("increment", handle)
            assert refused.is_error
            assert "has been ended" in str(refused.content[0])
