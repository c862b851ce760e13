"""What is Redis's and Valkey's own: round trips, keys and their expiry, clocks, clients, event loops."""

import asyncio
import gc
import itertools
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.stores.valkey_server import ValkeyServer, running

from mcp_sessions import StoreUrlError, TooManySessionsError, open_store
from mcp_sessions.errors import SessionDataError
from mcp_sessions.ids import mint_handle
from mcp_sessions.stores import (
    GRACE_SECONDS,
    TOMBSTONE_SECONDS,
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Lifetime,
    Limits,
    NotLiveError,
    OtherVersionError,
    SchemaVersion,
    SessionCopy,
    Store,
)
from mcp_sessions.stores.jsontext import added
from mcp_sessions.stores.redis import RedisStore
from mcp_sessions.testing import FakeClock

LIVES = Lifetime(600.0)
OWNER = "00ff2c2b21" + "ab" * 27  # with bytes that mean something in the names of Redis's lists
PARENT = Access(Address("transport", "t", TRANSPORT_SCHEMA), "me")
CHILD = replace(PARENT, address=replace(PARENT.address, schema="cart"), begin=LIVES)


@pytest.fixture
async def server(make_store: Callable[..., Store]) -> AsyncIterator[Store]:
    """A store with the server's own clock."""
    made = make_store("redis")
    yield made
    await made.aclose()


@pytest.fixture
def keys(valkey: ValkeyServer, redis_options: dict[str, object]) -> Callable[[], dict[str, int]]:
    """List the test's own keys without their prefix, each with its milliseconds to live (-1 for no end)."""

    def listed() -> dict[str, int]:
        start = f"{redis_options['prefix']}:{{0.1}}:"
        with valkey.client() as client:
            return {key.decode("latin-1")[len(start) :]: client.pttl(key) for key in client.scan_iter(f"{start}*")}

    return listed


@contextmanager
def monitored(valkey: ValkeyServer, *, in_scripts: bool = False) -> Iterator[list[str]]:
    """Collect the commands that clients send meanwhile, or those of scripts."""
    sent: list[str] = []
    with valkey.client() as client, valkey.client() as last:
        last.ping()
        with client.monitor() as monitor:
            yield sent
            last.echo("the end")
            commands = itertools.takewhile(lambda command: "the end" not in command["command"], monitor.listen())
            wanted = [command for command in commands if (command["client_type"] == "lua") == in_scripts]
            sent += [command["command"].split()[0] for command in wanted]


async def test_every_operation_is_one_command(server: Store, access: Access, valkey: ValkeyServer) -> None:
    await server.create(replace(access, address=replace(access.address, id="first")), LIVES)
    beginner = replace(access, address=Address("user", "1", "cart"), begin=LIVES, limits=Limits(all_sessions=9))
    copy = SessionCopy(
        address=access.address,
        owner=access.owner,
        version=1,
        digest="",
        created=0.0,
        expires=0.0,
        idle=0.0,
        max_at=None,
        values={"a": b"1"},
        untils={},
    )
    operations = [
        server.create(replace(access, limits=Limits(owner_sessions=9, all_sessions=9)), LIVES, {"a": b"1"}, {"a": 60}),
        server.touch(access),
        server.touch(access, Lifetime(50.0)),
        server.read(access),
        server.read(access, ["a", "b"]),
        server.names(access),
        server.write(access, {"a": b"2", "b": None}, ttls={"a": 50.0}),
        server.write(access, {"a": b"3"}, {"a": b"2"}),
        server.write(access, {"a": b"3"}, {"a": b"2"}),
        server.increment(access, "n", 1, b"0"),
        server.increment(access, "x", 0.25, b"1"),
        server.append(access, "l", [b"1"], b"[]"),
        server.remove(access, "a"),
        server.clear(access),
        server.look_up(access.address),
        server.migrate(copy, SchemaVersion(2), {"a": b"1", "b": None}, {"a": 5.0}),
        server.end(access),
        server.write(beginner, {"a": b"1"}),
        server.create(PARENT, LIVES),
        server.write(CHILD, {"a": b"1"}),
        server.read(CHILD),
        server.end(PARENT),
        server.scan(),
        server.purge_expired(),
    ]
    with monitored(valkey) as sent:
        for operation in operations:
            await operation
    assert sent == ["EVALSHA"] * len(operations)


@pytest.mark.parametrize(
    ("operation", "commands"),
    [
        ("touch", "HGET TIME"),
        ("read", "HMGET TIME"),
        ("write", "HMGET TIME HSTRLEN HSET"),
        ("compare and set", "HMGET TIME HSET"),
        ("compare and find another", "HMGET TIME"),
        ("increment", "HMGET TIME HSET"),
        ("append", "HMGET TIME HSET"),
    ],
)
async def test_an_ordinary_session_is_asked_for_no_more_than_is_needed(
    server: Store, access: Access, valkey: ValkeyServer, operation: str, commands: str
) -> None:
    await server.create(access, LIVES, {"n": b"5", "l": b"[1]", **{str(key): b"0" for key in range(50)}})
    operations: dict[str, Callable[[], Any]] = {
        "touch": lambda: server.touch(access),
        "read": lambda: server.read(access, ("n", "l", "none")),
        "write": lambda: server.write(access, {"n": b"6"}),
        "compare and set": lambda: server.write(access, {"n": b"6"}, {"n": b"5"}),
        "compare and find another": lambda: server.write(access, {"n": b"6"}, {"n": b"7"}),
        "increment": lambda: server.increment(access, "n", 10, b"0"),
        "append": lambda: server.append(access, "l", [b"2"], b"[]"),
    }
    with monitored(valkey, in_scripts=True) as used:
        await operations[operation]()
    assert " ".join(used) == commands
    before = await server.look_up(access.address)
    assert before is not None
    assert before.info.size == sum(len(key) + len(value) for key, value in (await server.read(access)).items())


async def test_what_is_usual_in_a_record_is_not_kept(
    server: Store, access: Access, valkey: ValkeyServer, redis_options: dict[str, object]
) -> None:
    await server.create(replace(access, version=3), LIVES, {"a": b"1"})
    name = f"{redis_options['prefix']}:{{0.1}}:h4:6:cartcart_1"
    length = "return #cmsgpack.unpack(redis.call('HGET', KEYS[1], 'm'))"
    with valkey.client() as client:
        assert client.eval(length, 1, name) == 7  # up to the owner
    found, copy = await server.look_up(access.address), await server.copy_out(access.address)
    assert found is not None
    assert copy is not None
    assert (found.info.version, found.info.since, copy.since) == (3, 0, 0)
    assert await server.read(access) == {"a": b"1"}
    await server.increment(replace(access, version=4, reads=3), "a", 1, b"0")
    with pytest.raises(OtherVersionError):
        await server.read(replace(access, version=4, reads=4))
    assert await server.migrate(replace(copy, values={"a": b"2"}), SchemaVersion(4, "d4", 4), {}, {})
    with valkey.client() as client:
        assert client.eval(length, 1, name) == 12
    assert await server.read(replace(access, version=4, reads=4)) == {"a": b"2"}
    with pytest.raises(OtherVersionError):
        await server.read(access)


async def test_handles_are_names_by_themselves_and_go_with_other_ids(
    server: Store, access: Access, keys: Callable[[], dict[str, int]]
) -> None:
    minted = mint_handle("cart")
    longer = f"{minted}_{'a' * 32}"
    addresses = [
        Address("handle", minted, "cart"),
        Address("handle", longer, minted),  # whose name goes on where the other's ends
        Address("handle", minted, "other"),
        Address("handle", f"{minted}+", "cart"),
        Address("transport", minted, "cart"),
    ]
    owned = [replace(access, address=address, owner=owner) for address in addresses[:4] for owner in (OWNER, None)]
    await server.create(replace(access, address=addresses[4].parent), LIVES)
    for one in owned[::2]:
        await server.create(one, LIVES, {"a": one.address.id.encode()})
    assert sorted(len(key) for key in keys() if key.startswith("H")) == [26, 22 + len(minted)]
    listed = [found.address for found in (await server.scan(owner=OWNER)).sessions]
    assert sorted(listed, key=str) == sorted(addresses[:4], key=str)
    assert [found.address for found in (await server.scan(schema=minted)).sessions] == [addresses[1]]
    first = await server.scan(schema="cart", limit=1)
    second = await server.scan(schema="cart", limit=1, cursor=first.cursor)
    assert {page.sessions[0].address for page in (first, second)} == {addresses[0], addresses[3]}
    assert await server.count() == 5
    await server.end(owned[0])
    assert await server.count() == 4
    for one in owned[2::2]:
        assert await server.read(one) == {"a": one.address.id.encode()}


@pytest.mark.parametrize("digest", ["", "0123456789abcdef", "12345678", "1234567", "ABCDEF0123456789", "é", "x" * 64])
async def test_digests_are_kept_short_and_returned_as_they_were(server: Store, access: Access, digest: str) -> None:
    await server.create(replace(access, digest=digest), LIVES)
    assert (await server.touch(access)).digest == digest
    copy = await server.copy_out(access.address)
    assert copy is not None
    assert copy.digest == digest


async def test_every_key_but_the_indexes_goes_away_by_itself(
    server: Store, access: Access, keys: Callable[[], dict[str, int]]
) -> None:
    await server.create(access, Lifetime(60.0), {"a": b"1"}, {"a": 5.0})
    await server.create(PARENT, LIVES)
    await server.write(CHILD, {"a": b"1"})
    ended = replace(access, address=replace(access.address, id="cart_2"))
    await server.create(ended, LIVES)
    await server.end(ended)
    found = keys()
    assert {key for key, left in found.items() if left == -1} == {"due", "names", "counts", "timers"}
    left = found["h4:6:cartcart_1"] / 1000 - TOMBSTONE_SECONDS - GRACE_SECONDS
    assert 55.0 < left <= 61.0
    assert TOMBSTONE_SECONDS - 5 < found["h4:6:cartcart_2"] / 1000 <= TOMBSTONE_SECONDS
    assert len(found) == 8


async def test_sliding_moves_the_expiry_of_the_key(
    server: Store, access: Access, keys: Callable[[], dict[str, int]]
) -> None:
    await server.create(access, Lifetime(60.0))
    await server.touch(access, Lifetime(6000.0))
    assert keys()["h4:6:cartcart_1"] / 1000 - TOMBSTONE_SECONDS - GRACE_SECONDS > 5900.0


async def test_nothing_is_left_of_sessions_that_are_over(
    make_store: Callable[..., Store], clock: FakeClock, access: Access, keys: Callable[[], dict[str, int]]
) -> None:
    store = make_store("redis", clock=clock)
    await store.create(access, LIVES, {"a": b"1"}, {"a": 9e9})
    await store.create(PARENT, LIVES)
    await store.write(CHILD, {"a": b"1"}, ttls={"a": 9e9})
    clock.advance(700.0)
    await store.purge_expired()
    clock.advance(TOMBSTONE_SECONDS)
    await store.purge_expired()
    assert keys() == {"counts": -1}
    await store.aclose()


async def test_what_the_server_removed_by_itself_counts_no_more_once_it_is_due(
    make_store: Callable[..., Store],
    clock: FakeClock,
    access: Access,
    keys: Callable[[], dict[str, int]],
    valkey: ValkeyServer,
    redis_options: dict[str, object],
) -> None:
    store = make_store("redis", clock=clock)
    one = replace(access, limits=Limits(owner_sessions=1, all_sessions=1))
    await store.create(one, LIVES, {"a": b"1"}, {"a": 60.0})
    with valkey.client() as client:
        client.delete(f"{redis_options['prefix']}:{{0.1}}:h4:6:cartcart_1")
    with pytest.raises(NotLiveError, match="unknown"):
        await store.read(access)
    assert (await store.scan()).sessions == ()
    clock.advance(700.0 + GRACE_SECONDS)
    other = replace(one, address=replace(access.address, id="other"))
    await store.create(other, LIVES)
    assert await store.purge_expired() == []
    assert set(keys()) == {"due", "names", "counts", "h4:5:cartother"}
    await store.aclose()


async def test_a_child_of_a_parent_that_the_server_removed_is_none_of_its_successors(
    make_store: Callable[..., Store], clock: FakeClock, valkey: ValkeyServer, redis_options: dict[str, object]
) -> None:
    store = make_store("redis", clock=clock)
    await store.create(PARENT, LIVES)
    await store.write(CHILD, {"a": b"1"})
    await store.touch(CHILD, Lifetime(1e6))
    with valkey.client() as client:
        client.delete(f"{redis_options['prefix']}:{{0.1}}:t0:1:t")
    clock.advance(1.0)
    assert await store.look_up(CHILD.address) is None
    await store.create(PARENT, LIVES)
    assert await store.look_up(CHILD.address) is None
    assert await store.read(CHILD) == {}
    await store.write(CHILD, {"b": b"2"})
    assert await store.read(CHILD) == {"b": b"2"}
    assert [gone.values for gone in await store.end(PARENT, values=True)] == [{}, {"b": b"2"}]
    await store.aclose()


async def test_the_clock_is_the_servers(server: Store, access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    true = time.time()
    monkeypatch.setattr(time, "time", lambda: 5.0)
    assert abs((await server.create(access, LIVES)).created - true) < 60.0


async def test_time_passes_in_the_server(server: Store, access: Access) -> None:
    await server.create(access, Lifetime(0.05), {"a": b"1"})
    await server.create(PARENT, LIVES, {"a": b"1", "b": b"1"}, {"a": 0.05})
    await asyncio.sleep(0.2)
    with pytest.raises(NotLiveError, match="expired"):
        await server.read(access)
    assert await server.read(PARENT) == {"b": b"1"}
    assert [gone.address for gone in await server.purge_expired(values=True)] == [access.address]


NUMBERS = st.integers() | st.integers(-(2**54), 2**54) | st.floats(allow_nan=False) | st.decimals(-1000, 1000, places=3)


@settings(max_examples=20)
@given(held=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=30, max_size=60))
@example(held=[(2**53 - 1, 1), (-0.0, 0), (0, -0.0), (0.1, 0.2), (1e15, 1.5), (1e-7, 1), (2**53, 0.5), (10**400, 1)])
def test_sums_are_what_python_writes(held: list[tuple[Any, Any]], valkey: ValkeyServer) -> None:
    """Inside the server or, where that would round otherwise, outside of it: byte for byte the same."""
    numbers = [
        (json.dumps(n if isinstance(n, int | float) else float(n)).encode(), by if isinstance(by, int) else float(by))
        for n, by in held
    ]

    async def add() -> list[bytes | type[Exception]]:
        store = RedisStore(valkey.url, prefix="sums")
        beginner = Access(Address("user", "1", "cart"), "me", LIVES)
        await store.write(beginner, {str(index): text for index, (text, _) in enumerate(numbers)})
        calls = (store.increment(beginner, str(index), by, b"0") for index, (_, by) in enumerate(numbers))
        results = await asyncio.gather(*calls, return_exceptions=True)
        await store.end(beginner)
        await store.aclose()
        return [result if isinstance(result, bytes) else type(result) for result in results]  # type: ignore[misc]

    for (text, by), result in zip(numbers, asyncio.run(add()), strict=True):
        try:
            assert result == added(text, by)
        except SessionDataError:
            assert result is not bytes
            assert issubclass(result, SessionDataError)  # type: ignore[arg-type]


async def test_large_numbers_are_exact_under_contention(server: Store, access: Access) -> None:
    await server.create(access, LIVES, {"n": str(10**30).encode(), "x": b"1e-9"})
    sums = await asyncio.gather(*(server.increment(access, "n", 1, b"0") for _ in range(40)))
    assert sorted(map(int, sums)) == list(range(10**30 + 1, 10**30 + 41))
    await asyncio.gather(*(server.increment(access, "x", 0.5, b"0", 60.0) for _ in range(20)))
    assert math.isclose(float((await server.read(access))["x"]), 10 + 1e-9)


async def test_other_prefixes_and_databases_are_other_stores(valkey: ValkeyServer, access: Access) -> None:
    stores = [
        open_store(valkey.url + end)
        for end in ("?prefix=one", "?prefix=two", "/3?prefix=one", "?prefix=one&partitions=2")
    ]
    for number, store in enumerate(stores):
        await store.create(access, LIVES, {"a": str(number).encode()})
    for number, store in enumerate(stores):
        assert await store.read(access) == {"a": str(number).encode()}
        await store.end(access)
        await store.aclose()


@pytest.mark.parametrize("kind", ["redis", "redis cluster"])
async def test_two_stores_share_what_is_in_the_server(
    make_store: Callable[..., Store], access: Access, kind: str
) -> None:
    one, two = make_store(kind), make_store(kind)
    await one.create(access, LIVES, {"a": b"1"})
    assert await two.read(access) == {"a": b"1"}
    await one.aclose()
    assert await two.read(access) == {"a": b"1"}
    await two.aclose()


async def test_limits_hold_across_the_nodes_of_a_cluster(make_store: Callable[..., Store], access: Access) -> None:
    store = make_store("redis cluster")
    few = [
        replace(access, address=replace(access.address, id=str(number)), limits=Limits(all_sessions=5))
        for number in range(6)
    ]
    for one in few[:5]:
        await store.create(one, LIVES)
    with pytest.raises(TooManySessionsError, match="as many sessions as it may have"):
        await store.create(few[5], LIVES)
    await store.end(few[0])
    await store.create(few[5], LIVES)
    await store.aclose()


async def test_a_unix_socket_and_a_given_client(valkey: ValkeyServer, access: Access) -> None:
    path = valkey.folder / "s.sock"
    store = open_store(f"unix://{path}?prefix=socket")
    await store.create(access, LIVES, {"a": b"1"})
    await store.aclose()
    client = redis.asyncio.Redis(unix_socket_path=str(path))
    given = RedisStore(client=client, prefix="socket")
    assert await given.read(access) == {"a": b"1"}
    await given.end(access)
    await given.aclose()
    assert await client.ping()
    await client.aclose()


async def test_a_client_of_a_sentinel(valkey: ValkeyServer, access: Access, tmp_path: Path) -> None:
    config = f"sentinel monitor sessions 127.0.0.1 {valkey.port} 1\n"
    with running(tmp_path, config=config) as watcher:
        sentinel = redis.asyncio.Sentinel([("127.0.0.1", watcher.port)])
        client = sentinel.master_for("sessions")
        store = RedisStore(client=client, prefix="sentinel")
        await store.create(access, LIVES, {"a": b"1"})
        assert await store.read(access) == {"a": b"1"}
        await store.end(access)
        await store.aclose()
        await client.aclose()
        for found in sentinel.sentinels:
            await found.aclose()


def test_a_client_that_decodes_is_refused(valkey: ValkeyServer) -> None:
    with pytest.raises(StoreUrlError, match="decode_responses=False"):
        RedisStore(client=redis.asyncio.Redis(port=valkey.port, decode_responses=True))
    with pytest.raises(StoreUrlError, match="not both"):
        RedisStore(valkey.url, client=redis.asyncio.Redis(port=valkey.port))


def test_an_event_loop_that_ends_closes_its_connections(valkey: ValkeyServer, access: Access) -> None:
    store = RedisStore(valkey.url, prefix="loops")

    async def use() -> int:
        await store.increment(replace(access, begin=LIVES), "n", 1, b"0")
        with valkey.client() as client:
            return len(client.client_list())

    assert asyncio.run(use()) == asyncio.run(use())
    gc.collect()
    asyncio.run(store.end(access))
    asyncio.run(store.aclose())


async def test_scripts_that_a_server_has_forgotten_are_sent_again(
    server: Store, access: Access, valkey: ValkeyServer
) -> None:
    await server.create(access, LIVES)
    for _ in range(2):
        with valkey.client() as client:
            client.script_flush()
        await asyncio.gather(*(server.increment(access, "n", 1, b"0") for _ in range(10)))
    assert await server.read(access) == {"n": b"20"}


async def test_many_callers_share_round_trips(server: Store, access: Access, valkey: ValkeyServer) -> None:
    await server.create(access, LIVES)
    with valkey.client() as client:
        before = client.info("stats")["total_reads_processed"]
        await asyncio.gather(*(server.increment(access, "n", 1, b"0") for _ in range(1000)))
        reads = client.info("stats")["total_reads_processed"] - before
    assert reads < 100
    assert await server.read(access) == {"n": b"1000"}
