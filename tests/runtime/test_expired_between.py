"""State without a handle that expires between two calls: its owner is told once, and then it begins anew."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from mcp import Client
from mcp.server import MCPServer
from tests.runtime.test_server import text_of

from mcp_sessions import SessionExpiredError, SessionNotFoundError, UntypedSession
from mcp_sessions.context import Call, Caller, serving
from mcp_sessions.server import Sessions
from mcp_sessions.stores import GRACE_SECONDS, TOMBSTONE_SECONDS, TRANSPORT_SCHEMA, Access, Address, Lifetime, Store
from mcp_sessions.testing import FakeClock

pytestmark = pytest.mark.anyio


class Cart(UntypedSession, name="cart"):
    """A cart that lives as long as the server says."""


class Mine(UntypedSession, name="mine"):
    """One for each user."""


Mine.schema = replace(Mine.schema, scope="user")
ME = Caller("me", individual=True)
HAS_EXPIRED = "this mine state has expired, and what it held is gone. The next call begins anew."


def lines_of(sessions: Sessions, accessor: Any) -> list[str]:
    """Have what begins and ends written down."""
    told: list[str] = []

    @sessions.on_start(accessor)
    async def opened(session: Any) -> None:
        told.append("started")

    @sessions.on_end(accessor)
    async def closed(session: Any, reason: str) -> None:
        told.append(f"{reason} {await session.snapshot()}")

    return told


@pytest.mark.parametrize("swept", [False, True])
async def test_a_legacy_client_is_told_once(store: Store, clock: FakeClock, swept: bool) -> None:
    sessions = Sessions(store, schemas=[Cart], idle="10m")
    told = lines_of(sessions, Cart)
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")

    sessions.attach(server)

    @server.tool()
    async def put(item: str, cart: Cart) -> str:
        """Put something into the cart."""
        await cart.set(item, 1)
        return str(await cart.keys())

    @server.resource("cart://contents")
    async def contents() -> str:
        """Return what is in the cart."""
        return str(await Cart.current().keys())

    async with Client(server, mode="legacy") as client:
        assert text_of(await client.call_tool("put", {"item": "a"})) == "['a']"
        clock.advance(620)
        if swept:
            assert await sessions.purge() == 1
        refused = await client.call_tool("put", {"item": "b"})
        assert refused.is_error
        assert text_of(refused).endswith(
            "this cart state has expired, and what it held is gone. The next call begins anew."
        )
        assert text_of(await client.call_tool("put", {"item": "b"})) == "['b']"
        clock.advance(620)
        with pytest.raises(Exception, match="this cart state has expired"):
            await client.read_resource("cart://contents")
        (content,) = (await client.read_resource("cart://contents")).contents
        assert getattr(content, "text", "") == "[]"
    assert told == ["started", "expired {'a': 1}", "started", "expired {'b': 1}"]


async def test_a_user_is_told_once_by_whichever_worker(store: Store, clock: FakeClock) -> None:
    workers = [Sessions(store, schemas=[Mine], idle="10m") for _ in range(2)]
    told = [lines_of(worker, Mine) for worker in workers]

    async def use(worker: int) -> list[str]:
        with serving(Call(store, ME, idle=600.0, hooks=workers[worker]._lifecycle)):
            return await Mine.current().keys()

    with serving(Call(store, ME, idle=600.0, hooks=workers[0]._lifecycle)):
        await Mine.current().set("n", 1)
    clock.advance(620)
    with pytest.raises(SessionExpiredError) as raised:
        await use(1)
    assert str(raised.value) == HAS_EXPIRED
    assert await use(0) == []
    assert [await worker.purge() for worker in workers] == [0, 0]
    assert told == [["started"], ["expired {'n': 1}"]]


async def test_of_many_calls_at_once_none_loses_what_another_has_begun(store: Store, clock: FakeClock) -> None:
    sessions = Sessions(store, schemas=[Mine])
    told = lines_of(sessions, Mine)

    async def add(number: int) -> int:
        """Add a key, again when it was refused; return how often it was."""
        for refusals in range(100):
            with serving(Call(store, ME, idle=600.0, hooks=sessions._lifecycle)):
                try:
                    await Mine.current().set(f"key{number}", number)
                except SessionExpiredError:
                    await asyncio.sleep(0)
                else:
                    return refusals
        raise AssertionError("refused a hundred times")

    await add(-1)
    clock.advance(620)
    refusals = await asyncio.gather(*(add(number) for number in range(50)))
    assert max(refusals) == 1
    with serving(Call(store, ME, idle=600.0)):
        assert len(await Mine.current().keys()) == 50
    assert told == ["started", "expired {'key-1': -1}", "started"]


async def test_after_the_time_of_the_tombstone_it_begins_anew_as_if_it_had_never_been(
    store: Store, clock: FakeClock
) -> None:
    with serving(Call(store, ME, idle=600.0)):
        await Mine.current().set("n", 1)
        clock.advance(620 + TOMBSTONE_SECONDS + GRACE_SECONDS)
    with serving(Call(store, ME, idle=600.0)):
        assert await Mine.current().keys() == []


async def test_to_end_what_has_expired_is_no_end_and_all_the_same_the_way_to_begin_anew(
    store: Store, clock: FakeClock
) -> None:
    sessions = Sessions(store, schemas=[Mine])
    told = lines_of(sessions, Mine)
    call = Call(store, ME, idle=600.0, hooks=sessions._lifecycle)
    with serving(call):
        await Mine.current().set("n", 1)
    clock.advance(620)
    with serving(replace(call, used={})):
        assert not await Mine.current().end()
        await Mine.current().set("n", 2)
        assert await Mine.current().get("n") == 2
    assert told == ["started", "expired {'n': 1}", "started"]


async def test_what_expires_in_the_middle_of_a_call_is_told_once(store: Store, clock: FakeClock) -> None:
    sessions = Sessions(store, schemas=[Mine])
    told = lines_of(sessions, Mine)
    call = Call(store, ME, idle=600.0, hooks=sessions._lifecycle)
    with serving(call):
        await Mine.current().set("n", 1)
        clock.advance(620)
        for _ in range(2):
            with pytest.raises(SessionNotFoundError, match="while the call was using it"):
                await Mine.current().set("n", 2)
    with serving(replace(call, used={})):
        await Mine.current().set("n", 3)
    assert told == ["started", "expired {'n': 1}", "started"]


async def test_of_an_mcp_session_that_is_gone_the_client_is_told_to_initialize(store: Store) -> None:
    """State inside it cannot begin anew, so nobody is told that it will."""
    transport = Access(Address("transport", "t", TRANSPORT_SCHEMA))
    await store.create(transport, Lifetime(600.0))
    call = Call(store, Caller(), "t", idle=600.0)
    with serving(call):
        await Cart.current().set("n", 1)
        await store.end(transport)
        with pytest.raises(SessionNotFoundError, match=r"has been ended.*The client must initialize again\.$"):
            await Cart.current().set("n", 1)
    with (
        serving(replace(call, used={})),
        pytest.raises(SessionNotFoundError, match=r"has been ended.*The client must initialize again\.$"),
    ):
        await Cart.current().set("n", 1)
