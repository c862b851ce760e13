"""What a server does when sessions begin and end: hooks, ends by the server, limits, and requests that take long."""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.server import MCPServer
from tests.runtime.test_server import handle_in, text_of

from mcp_sessions import Limits, SessionEndedError, StoreError, UntypedSession, owner_of
from mcp_sessions.context import Call, Caller, serving
from mcp_sessions.ids import mint_transport_id
from mcp_sessions.server import Sessions
from mcp_sessions.stores import (
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Lifetime,
    MemoryStore,
    SessionInfo,
    SQLiteStore,
    Store,
)
from mcp_sessions.testing import FakeClock

pytestmark = pytest.mark.anyio

Cart: Any = type("Cart", (UntypedSession,), {}, name="cart")
Third: Any = type("Third", (UntypedSession,), {}, name="third")
Mine: Any = type("Mine", (UntypedSession,), {}, name="mine")
Mine.schema = replace(Mine.schema, scope="user")
ME = owner_of("client", None, "me")


@dataclass
class World:
    """A server with hooks that note what they are told."""

    sessions: Sessions
    server: MCPServer
    told: list[tuple[str, ...]] = field(default_factory=list)


def make(store: Store, **options: Any) -> World:
    sessions = Sessions(store, schemas=[Cart, UntypedSession], **options)
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")
    world = World(sessions, server)

    @sessions.on_start(Cart)
    async def begin(cart: Any) -> None:
        await cart.set("browser", "b1")
        world.told.append(("started", cart.id))

    @sessions.on_end(Cart)
    async def close(cart: Any, reason: str) -> None:
        world.told.append((reason, cart.id, str(await cart.snapshot())))

    @server.tool()
    async def put(cart: Cart, value: str) -> str:
        """Put something into the cart."""
        await cart.set("item", value)
        return str(await cart.snapshot())

    @server.tool()
    async def read(cart: Cart) -> str:
        """Read the cart."""
        return str(await cart.snapshot())

    @server.tool()
    async def finish(cart: Cart) -> bool:
        """End the cart."""
        return bool(await cart.end())

    return world


@pytest.fixture
def world(store: Store) -> World:
    return make(store)


HELD = str({"browser": "b1", "item": "x"})


async def test_hooks_are_told_of_a_session_that_tools_begin_and_end(world: World) -> None:
    async with Client(world.server) as client:
        handle = handle_in(await client.call_tool("create_cart", {}), "cart")
        assert text_of(await client.call_tool("put", {"cart": handle, "value": "x"})) == HELD
        await client.call_tool("end_cart", {"cart": handle})
        await client.call_tool("end_cart", {"cart": handle})
        other = handle_in(await client.call_tool("create_session", {}), "session")
        await client.call_tool("end_session", {"session": other})
    assert world.told == [("started", handle), ("ended", handle, HELD)]


async def test_hooks_are_told_of_state_that_begins_with_its_first_write(world: World) -> None:
    async with Client(world.server, mode="legacy") as client:
        assert text_of(await client.call_tool("read", {})) == "{}"
        assert world.told == []
        assert text_of(await client.call_tool("put", {"value": "x"})) == HELD
        await client.call_tool("put", {"value": "x"})
        await client.call_tool("finish", {})
        await client.call_tool("put", {"value": "x"})
    kinds = [told[0] for told in world.told]
    assert kinds == ["started", "ended", "started"]
    assert world.told[1][2] == HELD


async def test_each_expired_session_is_told_of_once_among_all_workers(clock: FakeClock, tmp_path: Path) -> None:
    workers = [make(SQLiteStore(tmp_path / "s.db", clock=clock)) for _ in range(3)]
    async with Client(workers[0].server) as client:
        handles = [handle_in(await client.call_tool("create_cart", {}), "cart") for _ in range(30)]
    clock.advance(2000.0)
    counts = await asyncio.gather(*(worker.sessions.purge() for worker in workers))
    assert sum(counts) == 30
    told = [told for worker in workers for told in worker.told if told[0] == "expired"]
    assert sorted(one[1] for one in told) == sorted(handles)
    assert {one[2] for one in told} == {str({"browser": "b1"})}
    for worker in workers:
        await worker.sessions.store.aclose()


async def test_a_server_ends_sessions_by_their_handle_whoever_owns_them(world: World) -> None:
    mine = await Cart.create(world.sessions.store, owner=ME, values={"item": "x"})
    assert await world.sessions.end(mine.id)
    assert not await world.sessions.end(mine.id)
    assert not await world.sessions.end("cart_")
    assert not await world.sessions.end("other_" + mine.id[5:])
    assert world.told == [("evicted", mine.id, str({"item": "x"}))]
    with pytest.raises(SessionEndedError):
        await mine.keys()


async def test_a_server_ends_a_transport_session_and_what_lives_in_it(world: World) -> None:
    id = mint_transport_id()
    parent = Access(Address("transport", id, TRANSPORT_SCHEMA), ME)
    await world.sessions.store.create(parent, Lifetime(100.0))
    child = Access(Address("transport", id, "cart"), ME, Lifetime(100.0))
    await world.sessions.store.write(child, {"item": b'"x"'})
    assert await world.sessions.end(id)
    assert world.told == [("evicted", id, str({"item": "x"}))]
    assert not await world.sessions.end(id)


async def test_everything_of_a_user_ends_when_access_is_revoked_and_nothing_else(world: World) -> None:
    mine = [await Cart.create(world.sessions.store, owner=ME) for _ in range(250)]
    others = [await Cart.create(world.sessions.store, owner=owner) for owner in (None, owner_of("client", None, "you"))]
    assert await world.sessions.end_all(ME) == 250
    assert sorted(world.told) == sorted(("evicted", one.id, "{}") for one in mine)
    assert await world.sessions.end_all(ME) == 0
    for other in others:
        assert await other.keys() == []


async def test_a_hook_that_fails_at_a_start_ends_the_session(store: Store) -> None:
    world = make(store)

    @world.sessions.on_start(Cart)
    async def fail(cart: Any) -> None:
        raise ValueError("no browser left")

    async with Client(world.server) as client:
        assert (await client.call_tool("create_cart", {})).is_error
    (begun, over) = world.told
    assert (begun[0], over[0], begun[1]) == ("started", "ended", over[1])


async def test_a_hook_that_fails_at_an_end_is_logged_without_the_id_and_keeps_nobody_else_from_knowing(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    sessions = Sessions(store, schemas=[Cart])
    told: list[str] = []

    @sessions.on_end(Cart)
    async def fail(cart: Any, reason: str) -> None:
        raise ValueError("it is closed already")

    @sessions.on_end(Cart)
    async def note(cart: Any, reason: str) -> None:
        told.append(reason)

    cart = await Cart.create(store)
    with caplog.at_level(logging.ERROR):
        assert await sessions.end(cart.id)
    assert told == ["evicted"]
    assert "a hook failed at the end of a session" in caplog.text
    assert cart.id not in caplog.text


def test_hooks_are_for_accessors_of_the_server_only() -> None:
    sessions = Sessions(schemas=[UntypedSession])
    for register in (sessions.on_start, sessions.on_end):
        with pytest.raises(ValueError, match="Cart is not among the schemas"):
            register(Cart)(None)


async def test_without_hooks_no_values_are_fetched_at_an_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    end = type(store).end

    async def spy(self: Store, access: Access, *, values: bool = False, expired: bool = False) -> Any:
        asked.append(values)
        return await end(self, access, values=values, expired=expired)

    monkeypatch.setattr(type(store), "end", spy)
    sessions = Sessions(store, schemas=[Cart])
    await sessions.end((await Cart.create(store)).id)
    make(store)
    assert asked == [False]


async def test_a_serving_server_notices_by_itself_what_has_expired(clock: FakeClock) -> None:
    world = make(MemoryStore(clock=clock))
    done = asyncio.Event()

    @world.sessions.on_end(Cart)
    async def note(cart: Any, reason: str) -> None:
        done.set()

    cart = await Cart.create(world.sessions.store, idle="10s")
    clock.advance(11.0)
    app = world.sessions.http_app(world.server)
    async with app.router.lifespan_context(app):
        await asyncio.wait_for(done.wait(), 30)
    assert world.told == [("expired", cart.id, "{}")]


# Limits


async def test_a_tool_is_told_that_there_are_too_many_sessions_or_bytes(store: Store) -> None:
    world = make(store, limits=Limits(all_sessions=2, value_bytes=50, session_bytes=80))
    async with Client(world.server) as client:
        handle = handle_in(await client.call_tool("create_cart", {}), "cart")
        await client.call_tool("create_cart", {})
        refusal = await client.call_tool("create_cart", {})
        assert refusal.is_error
        assert "as many sessions as it may have; try again later" in text_of(refusal)
        refusal = await client.call_tool("put", {"cart": handle, "value": "x" * 49})
        assert refusal.is_error
        assert "the value of 'item' would have 51 bytes, and 50 are allowed; nothing was written" in text_of(refusal)
        assert not (await client.call_tool("put", {"cart": handle, "value": "x" * 40})).is_error


async def test_limits_have_defaults_and_can_be_lifted(store: Store) -> None:
    world = make(store)
    cart = await Cart.create(world.sessions.store)
    async with Client(world.server) as client:
        refusal = await client.call_tool("put", {"cart": cart.id, "value": "x" * 1024 * 1024})
        assert "and 1048576 are allowed" in text_of(refusal)
    lifted = make(store, limits=Limits())
    async with Client(lifted.server) as client:
        assert not (await client.call_tool("put", {"cart": cart.id, "value": "x" * 1024 * 1024})).is_error


async def test_the_servers_greatest_lifetime_holds_where_the_schema_sets_none(store: Store, clock: FakeClock) -> None:
    world = make(store, idle="10m", max="1h")
    async with Client(world.server) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        kept = "It expires after 10 minutes without use, and at the latest 1 hour after it was created."
        assert kept in str(tools["create_cart"].description)
        result = await client.call_tool("create_cart", {})
        handle = handle_in(result, "cart")
        assert handle_in(result, "retention") == kept
        for _ in range(7):
            assert not (await client.call_tool("read", {"cart": handle})).is_error
            clock.advance(8 * 60.0)
        assert not (await client.call_tool("read", {"cart": handle})).is_error
        clock.advance(4 * 60.0)
        assert "has expired" in text_of(await client.call_tool("read", {"cart": handle}))


# Requests that take long


class Pulse(MemoryStore):
    """Tells of each touch."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock=clock)
        self.clock = clock
        self.touched = asyncio.Event()
        self.failing = False

    async def touch(self, access: Access, lifetime: Lifetime | None = None) -> SessionInfo:
        if self.failing:
            self.failing = False
            raise StoreError("the store is down")
        info = await super().touch(access, lifetime)
        self.touched.set()
        return info

    async def beat(self) -> None:
        self.touched.clear()
        await asyncio.wait_for(self.touched.wait(), 30)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_session_outlives_its_idle_time_while_a_request_uses_it(
    mode: Any, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = Pulse(clock)
    sessions = Sessions(store, schemas=[Cart], idle="0.3s")
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")

    @server.tool()
    async def slow(cart: Cart) -> str:
        """Work for three times the idle time."""
        await cart.set("item", 1)
        for number in range(15):
            store.failing = number == 3
            await store.beat()
            clock.advance(0.2)
        return str(await cart.get("item"))

    async with Client(server, mode=mode) as client:
        handle = {} if mode == "legacy" else {"cart": handle_in(await client.call_tool("create_cart", {}), "cart")}
        assert text_of(await client.call_tool("slow", handle)) == "1"
    assert caplog.text.count("could not be kept alive") == 1


@pytest.mark.parametrize("first", ["get", "has", "keys", "clear", "snapshot"])
async def test_what_a_call_found_empty_and_was_revoked_meanwhile_does_not_come_back(
    store: Store, clock: FakeClock, first: str
) -> None:
    """To have read a key that is not set is to have used the state, too."""
    world = make(store)
    call = Call(store, Caller("me", individual=True), hooks=world.sessions._lifecycle, idle=600.0)
    with serving(call):
        await Mine.current().set("n", 1)
    with serving(replace(call, used={})):
        mine = Mine.current()
        await {
            "get": lambda: mine.get("other"),
            "has": lambda: mine.has("other"),
            "keys": mine.keys,
            "clear": mine.clear,
            "snapshot": mine.snapshot,
        }[first]()
        assert await world.sessions.end_all("me") == 1
        with pytest.raises(SessionEndedError, match="while the call was using it"):
            await mine.set("n", 2)
    assert await store.count() == 0


async def test_a_hook_that_writes_at_the_start_takes_nothing_from_the_call_that_began_the_state(store: Store) -> None:
    sessions = Sessions(store, schemas=[Cart])
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")

    @sessions.on_start(Cart)
    async def begin(cart: Any) -> None:
        assert await cart.keys() == []
        await cart.set("n", 100)

    @server.tool()
    async def put(cart: Cart, n: int) -> str:
        """Put a number."""
        await cart.set("n", n)
        return str(await cart.get("n"))

    @server.tool()
    async def add(cart: Cart) -> str:
        """Add one."""
        return str(await cart.update("n", lambda n: (n or 0) + 1))

    for tool, arguments, answer in (("put", {"n": 7}, "7"), ("add", {}, "101")):
        async with Client(server, mode="legacy") as client:
            assert text_of(await client.call_tool(tool, arguments)) == answer


async def test_a_state_costs_more_round_trips_only_when_it_begins_under_a_hook(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for name in ("touch", "read", "write", "names"):

        def spied(operation: Any, name: str = name) -> Any:
            async def spy(*args: Any, **kwargs: Any) -> Any:
                asked.append(name)
                return await operation(*args, **kwargs)

            return spy

        monkeypatch.setattr(store, name, spied(getattr(store, name)))
    hooked, plain = Sessions(store, schemas=[Cart]), Sessions(store, schemas=[Cart])

    @hooked.on_start(Cart)
    async def begin(cart: Any) -> None:
        pass

    for sessions, costs in ((plain, ["names", "write"]), (hooked, ["names", "write", "touch", "write"])):
        call = Call(store, transport=str(costs), kind="connection", hooks=sessions._lifecycle, idle=600.0)
        asked.clear()
        with serving(call):
            await Cart.current().keys()
            await Cart.current().set("n", 1)
        assert asked == costs
        asked.clear()
        for _ in range(2):
            with serving(replace(call, used={})):
                await Cart.current().set("n", 1)
                await Cart.current().keys()
        assert asked == ["write", "names"] * 2


async def test_the_pulse_brings_nothing_back(clock: FakeClock) -> None:
    store = Pulse(clock)
    sessions = Sessions(store, schemas=[Cart, UntypedSession, Third], idle="0.3s")
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")

    @server.tool()
    async def slow(cart: Cart, other: UntypedSession) -> str:
        """End one session, and go on working with another."""
        await cart.set("item", 1)
        await other.set("item", 1)
        await Third.current().get("unset")
        await cart.end()
        await store.beat()
        await store.beat()
        return str([one.address.schema for one in (await store.scan()).sessions])

    async with Client(server, mode="legacy") as client:
        assert text_of(await client.call_tool("slow", {})) == "['session']"


# What is not right


async def hook_without_parameters() -> None:
    pass


def test_a_hook_that_is_not_async_is_refused_at_once() -> None:
    sessions = Sessions(schemas=[Cart])
    for register in (sessions.on_start, sessions.on_end):
        with pytest.raises(TypeError, match="a hook is an async function; got"):
            register(Cart)(lambda *_: None)
        with pytest.raises(TypeError, match=r"this hook is called with the session.*does not take that"):
            register(Cart)(hook_without_parameters)
        with pytest.raises(ValueError, match="a hook is for one of those classes"):
            register(print)  # type: ignore[type-var]


class Closer:
    async def __call__(self, cart: Any, reason: str) -> None:
        pass


def test_an_object_that_is_called_as_an_async_function_is_one() -> None:
    closer = Closer()
    assert Sessions(schemas=[Cart]).on_end(Cart)(closer) is closer


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schemas": Cart}, r"schemas is a list of accessor classes, such as \[CartSession\]; got <class"),
        ({"schemas": "cart"}, "schemas is a list of accessor classes"),
        ({"schemas": ["cart"]}, "schemas has 'cart', which is no accessor class"),
        ({"schemas": [dict]}, "schemas has <class 'dict'>, which is no accessor class"),
        ({"schemas": [Cart], "limits": {"value_bytes": 3}}, r"limits is a Limits\(...\) from mcp_sessions; got"),
    ],
)
def test_wrong_settings_are_refused_with_what_was_given(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Sessions(**options)


def test_a_lifetime_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="max='1h' is shorter than idle='2h'"):
        Sessions(schemas=[Cart], idle="2h", max="1h")


def test_a_path_that_no_request_can_have_is_refused() -> None:
    sessions = Sessions(schemas=[Cart])
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")
    with pytest.raises(ValueError, match="begins with '/'; got 'mcp'"):
        sessions.http_app(server, path="mcp")


async def test_a_url_in_the_place_of_a_store_is_told_apart() -> None:
    with pytest.raises(TypeError, match=r"such as open_store\('memory://...'\); got text"):
        await Cart.create("memory://")
    with pytest.raises(TypeError, match="a handle is text; got NoneType"):
        Cart.open(MemoryStore(), None)


@pytest.mark.parametrize("nothing", [None, 5])
async def test_ends_of_nobody_are_refused(store: Store, nothing: Any) -> None:
    """Whoever ends the sessions of a user who is not known must not end those of all who are not logged in."""
    sessions = Sessions(store, schemas=[Cart])
    await Cart.create(store)
    with pytest.raises(TypeError, match="owner is a text; got"):
        await sessions.end_all(nothing)
    with pytest.raises(TypeError, match="id is a text; got"):
        await sessions.end(nothing)
    assert await store.count() == 1


def test_a_schema_cannot_live_longer_without_use_than_at_all() -> None:
    Long: Any = type("Long", (UntypedSession,), {}, name="long")
    Long.schema = replace(Long.schema, idle=7200.0)
    Sessions(schemas=[Long], idle="10m", max="2h")
    with pytest.raises(ValueError, match=r"a long session would live longer without use than at all: .* of Sessions"):
        Sessions(schemas=[Long], idle="10m", max="1h")
