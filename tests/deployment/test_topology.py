"""The deployment at work: Valkey, two workers and nginx as their files say, and clients of both eras."""

import os
import signal
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import TextContent
from tests.deployment.topology import Service, Topology

pytestmark = pytest.mark.anyio

DOCKER = Path(__file__).with_name("docker.py")


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
        except MCPError:
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


async def test_a_worker_dies_another_is_stopped_and_nothing_is_lost(topology: Topology) -> None:
    """At most the calls fail that were on their way to that worker; each client finds what it was told."""
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
            assert min(shares.values()) > 0.4 * shares.total(), "not round robin"

            assert await calls(callers, 20, 20, lambda: first.send(signal.SIGKILL)) <= len(callers)
            first.ended()
            first.start()

            assert await calls(callers, 40, 40, lambda: second.send(signal.SIGTERM)) <= len(callers)
            assert second.ended() == -signal.SIGTERM
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


async def replace_when_asked(workers: list[Service], folder: Path) -> None:
    """Stop and start each worker when the stand-in for docker says so."""
    for worker in workers:
        while not (folder / f"up-{worker.log.stem}").exists():
            await anyio.sleep(0.02)
        assert await anyio.to_thread.run_sync(worker.stop) == -signal.SIGTERM
        await anyio.to_thread.run_sync(worker.start)
        (folder / f"is-up-{worker.log.stem}").touch()


async def test_workers_are_replaced_without_a_call_that_fails(
    topology: Topology, deployment: Path, tmp_path: Path
) -> None:
    """The script for it, with a stand-in for docker that passes on what it is told to the processes here."""
    shim = tmp_path / "docker"
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} {DOCKER} "$@"\n')
    shim.chmod(0o755)
    environment = {**os.environ, **topology.stand_ins(), "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"SETTLE": "0.3", "STAND_IN": str(tmp_path)}
    with anyio.fail_after(240):
        async with AsyncExitStack() as stack:
            callers = []
            for mode in ("legacy", "auto", "legacy", "auto"):
                client = await stack.enter_async_context(Client(f"{topology.url}/mcp", mode=mode))
                callers.append(await Caller.begin(client, mode))
            process = await anyio.open_process(
                [deployment / "replace-workers"], env=environment, stdout=None, stderr=None
            )
            async with anyio.create_task_group() as group:
                group.start_soon(replace_when_asked, topology.workers, tmp_path)
                while process.returncode is None:
                    assert await calls(callers, 5, 0, lambda: None) == 0
            assert process.returncode == 0
            for caller in callers:
                assert len(set(caller.told)) == len(caller.told) == await caller.call(by=0)


async def test_sessions_survive_the_store_and_meanwhile_the_workers_say_that_they_cannot_serve(
    topology: Topology,
) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Client(f"{topology.url}/mcp", mode="legacy"))
        caller = await Caller.begin(client, "legacy")
        assert await caller.call(by=42) == 42
        assert [topology.health(worker) for worker in topology.workers] == [0, 0]
        wrong = {"Host": "elsewhere.example", "Content-Type": "application/json"}
        assert status(f"{topology.url}/mcp", b"{}", **wrong) == 421
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
