"""The deployment at work: Valkey, two workers and nginx as their files say, and clients of both eras."""

import signal
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import TextContent
from tests.deployment.topology import Topology

pytestmark = pytest.mark.anyio


class Caller:
    """A client with a counter of its own, which knows what it was told."""

    def __init__(self, client: Client, handle: dict[str, Any]) -> None:
        self.failed = 0
        self.told: list[int] = []
        self._client, self._handle = client, handle

    @classmethod
    async def begin(cls, client: Client, mode: str) -> "Caller":
        if mode == "legacy":
            return cls(client, {})
        made = (await client.call_tool("create_counter", {})).structured_content
        assert made is not None
        return cls(client, {"counter": made["counter"]})

    async def call(self, by: int = 1) -> int:
        result = await self._client.call_tool("increment", {**self._handle, "by": by})
        [block] = result.content
        assert isinstance(block, TextContent)
        assert not result.is_error, block.text
        return int(block.text.removeprefix("Counter: "))

    async def try_call(self) -> None:
        try:
            self.told.append(await self.call())
        except MCPError as error:
            print(repr(error), error.__cause__)
            self.failed += 1


async def calls(callers: list[Caller], times: int, after: int, then: Callable[[], None]) -> int:
    """Let all call at once, each so many times; once so many calls were made, do something. Return how many failed."""
    made = 0
    before = sum(caller.failed for caller in callers)

    async def use(caller: Caller) -> None:
        nonlocal made
        for _ in range(times):
            await caller.try_call()
            made += 1
            if made == after:
                then()

    async with anyio.create_task_group() as group:
        for caller in callers:
            group.start_soon(use, caller)
    return sum(caller.failed for caller in callers) - before


async def test_a_worker_dies_another_is_replaced_and_nothing_is_lost(topology: Topology) -> None:
    """A kill fails at most the calls that it interrupts, SIGTERM none; each client finds what it was told."""
    url = f"{topology.url}/mcp"
    first, second = topology.workers
    with anyio.fail_after(240):
        async with AsyncExitStack() as stack:
            callers = []
            for mode in ("legacy", "auto", "legacy", "auto"):
                client = await stack.enter_async_context(Client(url, mode=mode))
                callers.append(await Caller.begin(client, mode))

            assert await calls(callers, 20, 0, lambda: None) == 0
            shares = Counter(topology.asked())
            assert set(shares) == {f"127.0.0.1:{worker.port}" for worker in topology.workers}
            assert max(shares.values()) - min(shares.values()) <= 2, "not round robin"

            assert await calls(callers, 20, 20, lambda: first.send(signal.SIGKILL)) <= len(callers)
            first.ended()
            first.start()

            assert await calls(callers, 40, 40, lambda: second.send(signal.SIGTERM)) == 0
            assert second.ended() in (0, -signal.SIGTERM)
            second.start()
            assert await calls(callers, 10, 0, lambda: None) == 0

            for caller in callers:
                assert len(set(caller.told)) == len(caller.told)
                now = await caller.call(by=0)
                assert max(caller.told) == now or caller.failed
                assert len(caller.told) <= now <= len(caller.told) + caller.failed
    assert [service.stop() for service in topology.workers] == [-signal.SIGTERM] * 2
    assert topology.proxy.stop(signal.SIGQUIT) == 0
    assert topology.valkey.stop() == 0


async def test_sessions_survive_the_store_and_meanwhile_the_workers_say_that_they_cannot_serve(
    topology: Topology,
) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Client(f"{topology.url}/mcp", mode="legacy"))
        caller = await Caller.begin(client, "legacy")
        assert await caller.call(by=42) == 42
        assert [topology.health(worker) for worker in topology.workers] == [0, 0]
        assert topology.valkey.stop() == 0
        assert status(f"{topology.url}/healthz") == 503
        assert [topology.health(worker) for worker in topology.workers] == [1, 1]
        for worker in topology.workers:
            assert status(f"http://127.0.0.1:{worker.port}/livez") == 200
        topology.valkey.start()
        assert status(f"{topology.url}/healthz") == 200
        assert await caller.call() == 43
    assert "requirepass" not in topology.valkey.log.read_text()


def status(url: str, data: bytes | None = None, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
