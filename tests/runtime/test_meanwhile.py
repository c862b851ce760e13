"""What happens to sessions while a call runs that means them: they live on, and what ends meanwhile stays ended."""

import asyncio
import gc
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.server import MCPServer
from tests.runtime.test_lifecycle import Cart, Pulse
from tests.runtime.test_middleware import Peer
from tests.runtime.test_server import handle_in, text_of

from mcp_sessions import Limits, TooManySessionsError, UntypedSession, lifecycle, owner_of
from mcp_sessions.connections import Connections
from mcp_sessions.context import Call, Caller, serving
from mcp_sessions.lifecycle import Lifecycle
from mcp_sessions.server import Sessions
from mcp_sessions.stores import GRACE_SECONDS, MemoryStore, Store
from mcp_sessions.testing import FakeClock

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
Mine: Any = type("Mine", (UntypedSession,), {}, name="mine")
Mine.schema = replace(Mine.schema, scope="user")


# Long calls


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("way", ["argument", "current"])
async def test_a_session_that_a_call_means_lives_on_before_its_first_use(mode: Any, way: str, clock: FakeClock) -> None:
    store = Pulse(clock)
    sessions = Sessions(store, schemas=[Cart], idle="0.3s")
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")

    @server.tool()
    async def put(cart: Cart) -> str:
        """Put something into the cart."""
        await cart.set("item", 1)
        return "done"

    @server.tool()
    async def slow(cart: Cart) -> str:
        """Think for three times the idle time, and look into the cart then."""
        meant = cart if way == "argument" else Cart.current()
        for _ in range(15):
            await store.beat()
            clock.advance(0.2)
        return str(await meant.get("item"))

    async with Client(server, mode=mode) as client:
        handle = {} if mode == "legacy" else {"cart": handle_in(await client.call_tool("create_cart", {}), "cart")}
        await client.call_tool("put", handle)
        assert text_of(await client.call_tool("slow", handle)) == "1"


async def test_a_legacy_session_outlives_a_long_request_that_uses_nothing(clock: FakeClock) -> None:
    store = Pulse(clock)
    sessions = Sessions(store, schemas=[Cart], idle="0.3s")
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")

    @server.tool()
    async def think() -> str:
        """Think for three times the idle time."""
        for _ in range(15):
            await store.beat()
            clock.advance(0.2)
        return "thought"

    app = sessions.http_app(server, json_response=True)
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http,
    ):
        peer = Peer(http)
        session_id = await peer.initialize()
        await peer.post("tools/list", mcp_session_id=session_id)  # the handshake is over
        answer = await peer.post("tools/call", {"name": "think"}, mcp_session_id=session_id)
        assert answer.json()["result"]["content"][0]["text"] == "thought"
        assert (await peer.post("tools/list", mcp_session_id=session_id)).status_code == 200


# What ends while a call runs


@pytest.mark.parametrize("first", ["write", "read", "touch"])
async def test_state_without_a_handle_that_ends_meanwhile_is_not_begun_again_by_the_same_call(
    store: Store, first: str
) -> None:
    sessions = Sessions(store, schemas=[Cart])
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")
    inside, ended = asyncio.Event(), asyncio.Event()

    @server.tool()
    async def put() -> str:
        """Put something into the cart."""
        cart = Cart.current()
        await cart.set("item", 41)
        return str(await cart.snapshot())

    @server.tool()
    async def slow() -> str:
        """Use the cart, and write to it after it has ended."""
        cart = Cart.current()
        await {"write": lambda: cart.set("item", 42), "read": lambda: cart.get("item"), "touch": cart.touch}[first]()
        inside.set()
        await ended.wait()
        await Cart.current().set("late", 1)
        return "written"

    async with Client(server, mode="legacy") as client:
        assert text_of(await client.call_tool("put", {})) == "{'item': 41}"
        async with anyio.create_task_group() as tasks:
            results: list[Any] = []

            async def fly() -> None:
                results.append(await client.call_tool("slow", {}))

            tasks.start_soon(fly)
            await asyncio.wait_for(inside.wait(), 30)
            assert "true" in text_of(await client.call_tool("end_cart", {})).lower()
            ended.set()
        assert results[0].is_error
        assert "this cart state has been ended while the call was using it" in text_of(results[0])
        assert (await store.scan()).sessions == ()
        assert text_of(await client.call_tool("put", {})) == "{'item': 41}"  # the next call begins anew


async def test_a_call_may_end_its_state_and_begin_anew(store: Store) -> None:
    sessions = Sessions(store, schemas=[Cart])
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")

    @server.tool()
    async def again() -> str:
        """Begin, end and begin."""
        cart = Cart.current()
        await cart.set("item", 1)
        assert await cart.end()
        await cart.set("other", 2)
        return str(await cart.snapshot())

    async with Client(server, mode="legacy") as client:
        assert text_of(await client.call_tool("again", {})) == "{'other': 2}"


async def test_what_a_user_had_does_not_come_back_when_access_is_revoked_in_the_middle_of_a_call(store: Store) -> None:
    me = owner_of("client", None, "me")
    sessions = Sessions(store, schemas=[Mine])
    call = Call(store, Caller(me, individual=True), schemas=frozenset({"mine"}))
    with serving(call):
        mine = Mine.current()
        await mine.set("n", 1)
        assert await sessions.end_all(me) == 1
        with pytest.raises(Exception, match="has been ended while the call was using it"):
            await mine.set("n", 1)
    assert (await store.scan()).sessions == ()


# Hooks of ends


def told_by(sessions: Sessions, seconds: float) -> list[str]:
    """Have the sessions' ends told to a hook that takes a while; return what it has finished."""
    told: list[str] = []

    @sessions.on_end(Cart)
    async def close(cart: Any, reason: str) -> None:
        await asyncio.sleep(seconds)
        told.append(f"{reason} {cart.id}")

    return told


async def test_an_end_is_told_even_if_who_ended_the_session_is_gone(store: Store) -> None:
    sessions = Sessions(store, schemas=[Cart])
    told = told_by(sessions, 0.2)
    async with sessions._lifecycle.sweeping():
        cart = await Cart.create(store)
        with anyio.move_on_after(0.05):
            await sessions.end(cart.id)
        assert told == []
    assert told == [f"evicted {cart.id}"]  # a server that stops has waited for it


async def test_a_server_that_stops_has_told_of_all_that_it_claimed(store: Store, clock: FakeClock) -> None:
    sessions = Sessions(store, schemas=[Cart])
    told = told_by(sessions, 0.1)
    carts = [await Cart.create(store, idle="10s") for _ in range(100)]
    clock.advance(11.0)
    async with sessions._lifecycle.sweeping():
        await asyncio.sleep(0.05)
    left = await sessions.purge()
    assert sorted(told) == sorted(f"expired {cart.id}" for cart in carts)
    assert left in (0, 100)  # nobody was told of twice, whoever came first


async def test_a_hook_that_hangs_is_broken_off_and_keeps_nobody_else_from_being_told(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lifecycle, "HOOK_SECONDS", 0.1)
    sessions = Sessions(store, schemas=[Cart])
    first, second = await Cart.create(store), await Cart.create(store)
    told: list[str] = []

    @sessions.on_end(Cart)
    async def close(cart: Any, reason: str) -> None:
        if cart.id == first.id:
            await asyncio.Event().wait()
        told.append(cart.id)

    assert await sessions.end(first.id)
    assert await sessions.end(second.id)
    assert told == [second.id]
    assert "took too long" in caplog.text
    assert first.id not in caplog.text


async def test_a_slow_hook_does_not_keep_a_server_from_noticing_the_next_end(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stores throw away what nobody has claimed for a while; then the end would be told to nobody."""
    monkeypatch.setattr(lifecycle, "SWEEP_SECONDS", 0.01)
    store = MemoryStore(clock=clock)
    sessions = Sessions(store, schemas=[Cart])
    slow = await Cart.create(store, idle="10s")
    goes_on, done = asyncio.Event(), asyncio.Event()
    told: list[str] = []

    @sessions.on_end(Cart)
    async def close(cart: Any, reason: str) -> None:
        if cart.id == slow.id:
            await goes_on.wait()
        told.append(cart.id)
        if len(told) == 2:
            done.set()

    async with sessions._lifecycle.sweeping():
        clock.advance(11.0)
        await asyncio.sleep(0.05)
        next_one = await Cart.create(store, idle="10s")
        clock.advance(11.0)
        await asyncio.sleep(0.05)
        clock.advance(GRACE_SECONDS + 1)
        await Cart.create(store)  # any use of the store
        goes_on.set()
        await asyncio.wait_for(done.wait(), 30)
    assert sorted(told) == sorted([slow.id, next_one.id])


# Connections


async def test_a_connection_may_go_after_the_server_has_stopped(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Connection:
        pass

    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    connections = Connections(store, ["cart"], Lifecycle(store, [Cart]))
    connection = Connection()
    connections.id_of(connection, Caller())
    await connections.end_all()
    del connection
    gc.collect()
    assert unraisable == []


async def test_a_stdio_server_leaves_nothing_on_its_standard_error() -> None:
    program = """
import sys
from mcp.server import MCPServer
from mcp_sessions import UntypedSession
from mcp_sessions.server import Sessions
from mcp_sessions.testing import FakeClock
sessions = Sessions(schemas=[UntypedSession])
server = MCPServer("t", extensions=[sessions], log_level="ERROR")
@server.tool()
async def put(session: UntypedSession) -> str:
    await session.set("a", 1)
    return "done"
sessions.run(server)
"""
    lines = [
        '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
        '"clientInfo":{"name":"c","version":"1"}}}',
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
        '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"put","arguments":{}}}',
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("".join(f"{line}\n" for line in lines).encode())
    answers = [await asyncio.wait_for(process.stdout.readline(), 60) for _ in range(2)]
    assert b"done" in b"".join(answers)
    process.stdin.close()
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert errors == b""
    assert process.returncode == 0


# Limits


@pytest.mark.parametrize("limits", [Limits(all_sessions=2), Limits(owner_sessions=2)])
async def test_what_expired_makes_room_before_anybody_is_refused(
    store: Store, clock: FakeClock, limits: Limits
) -> None:
    me = owner_of("client", None, "me")
    sessions = Sessions(store, schemas=[Cart], limits=limits)
    told = told_by(sessions, 0)
    call = replace(sessions.call(), caller=Caller(me))
    first, second = await Cart._begin(call, {}), await Cart._begin(call, {})
    with pytest.raises(TooManySessionsError):
        await Cart._begin(call, {})
    clock.advance(sessions.idle + 60)
    third = await Cart._begin(replace(call, idle=7200.0), {})
    clock.advance(sessions.idle * 1.1)
    await third.touch()
    await asyncio.sleep(0)
    assert sorted(told) == sorted(f"expired {one.id}" for one in (first, second))
