"""A client listens at one worker and learns of what is done at another, on each store that processes can share."""

import asyncio
import json
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.subscriptions import ResourceUpdated
from mcp.shared.exceptions import MCPDeprecationWarning
from tests.e2e.conftest import Process
from tests.runtime.resource_server import Updates, created, done, next_of, text
from tests.runtime.test_standing import connected
from tests.stores.postgres_server import postgres_server
from tests.stores.valkey_server import cluster_running, running

pytestmark = pytest.mark.anyio

SERVER = Path(__file__).with_name("watched.py")


@pytest.fixture(params=["sqlite", "valkey", "valkey cluster", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'sessions.db'}"
    elif request.param == "valkey":
        with running(tmp_path) as valkey:
            yield valkey.url
    elif request.param == "valkey cluster":
        with cluster_running(tmp_path) as nodes:
            yield f"{nodes[0].url}?cluster=true"
    else:
        with postgres_server() as postgres:
            yield postgres.url


@pytest.fixture
def start_on(url: str, tmp_path: Path) -> Iterator[Callable[[str], Process]]:
    """Start servers on the store."""
    started: list[Process] = []

    def begin(mode: str) -> Process:
        class Watched(Process):
            def command(self, database: Path) -> list[str]:
                return [sys.executable, str(SERVER), url, str(self.port), mode]

        started.append(Watched(tmp_path / "unused"))
        return started[-1]

    yield begin
    for process in started:
        process.stop()
    for process in started:
        log = process.log.read_text()
        assert "Traceback" not in log, log
        assert "session_" not in log, log


async def test_who_listens_at_one_worker_is_told_of_what_is_done_at_another(
    start_on: Callable[[str], Process],
) -> None:
    here, there = start_on("stateless"), start_on("stateless")
    async with asyncio.timeout(120), Client(here.url) as listener, Client(there.url) as caller:
        handle = await created(caller, "session")
        uri = f"session://session/{handle}"
        async with listener.listen(resource_subscriptions=[uri]) as stream:
            assert stream.honored.resource_subscriptions == [uri]
            for key in ("a", "b", "c"):
                await done(caller, "remember", key=key, session=handle)
                assert await next_of(stream) == ResourceUpdated(uri)
                assert key in json.loads(await text(listener, uri))
            await done(caller, "end_session", session=handle)
            assert await next_of(stream) == ResourceUpdated(uri)


async def test_a_legacy_client_with_a_connection_is_notified_of_what_is_done_at_another_worker(
    start_on: Callable[[str], Process],
) -> None:
    here, there = start_on("stateful"), start_on("stateful")
    updates = Updates()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        async with (
            asyncio.timeout(120),
            Client(here.url, mode="legacy", message_handler=updates) as listener,
            Client(there.url) as caller,
        ):
            handle = await created(caller, "session")
            uri = f"session://session/{handle}"
            await listener.subscribe_resource(uri)
            await done(caller, "remember", key="a", session=handle)
            assert await updates.wait() == [uri]
            await done(listener, "remember", key="b", session=handle)
            assert await updates.wait(2) == [uri, uri]
            assert json.loads(await text(listener, uri)) == {"a": True, "b": True}


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_server_that_is_told_to_stop_ends_its_streams(start_on: Callable[[str], Process]) -> None:
    server = start_on("stateless")
    ended: list[Any] = []
    async with asyncio.timeout(60), Client(server.url) as client, connected(server.url) as legacy:
        uri = f"session://session/{await created(client, 'session')}"
        async with client.listen(resource_subscriptions=[uri]) as stream, legacy.listening() as standing:
            await asyncio.to_thread(server.stop, signal.SIGTERM)
            ended += [event async for event in stream]
            assert await standing.update() is None
    assert ended == []


async def test_a_legacy_client_without_a_connection_is_told_whichever_worker_it_asks(
    start_on: Callable[[str], Process],
) -> None:
    """It has its stream at one worker, subscribes at another, and its tools run there too."""
    here, there = start_on("stateless"), start_on("stateless")
    current = "session://session/current"
    call = {"name": "remember", "arguments": {"key": "a"}}
    async with asyncio.timeout(120), connected(there.url) as client:
        client.url = here.url
        async with client.listening() as stream:
            assert stream.answer.status_code == 200
            assert (await client.ask("resources/subscribe", {"uri": current}, there.url))["result"] == {}
            assert await stream.update() == current
            for _ in range(3):
                assert not (await client.ask("tools/call", call, there.url))["result"]["isError"]
                assert await stream.update() == current
            assert (await client.http.delete(there.url, headers=client.headers)).status_code == 204
            assert await stream.update() is None
