"""The stores under test, each with a clock that only the test moves."""

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from key_value.aio.protocols import AsyncKeyValue
from key_value.aio.stores import memory, redis
from opentelemetry.sdk.trace import TracerProvider
from tests.stores.postgres_server import PostgresServer, postgres_server
from tests.stores.valkey_server import ValkeyServer, cluster_running, running

from mcp_sessions.stores import Access, Address, Lifetime, MemoryStore, SQLiteStore, Store
from mcp_sessions.stores.encrypted import EncryptedStore
from mcp_sessions.stores.keyvalue import KeyValueStore
from mcp_sessions.stores.noticed import NoticedStore
from mcp_sessions.stores.observed import ObservedStore
from mcp_sessions.stores.postgres import PostgresStore
from mcp_sessions.stores.redis import RedisStore
from mcp_sessions.testing import FakeClock

STORE_KEY = bytes(range(32))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A Valkey server that tests share, each with a prefix of its own."""
    with running(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ValkeyServer]]:
    """A Valkey cluster of three nodes that tests share in the same way."""
    with cluster_running(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


_PREFIXES = count()


@pytest.fixture
def redis_options() -> dict[str, object]:
    """A prefix that no other test has."""
    return {"prefix": f"test{next(_PREFIXES)}"}


@pytest.fixture(scope="session")
def running_postgres() -> Iterator[PostgresServer]:
    """A server for all tests of this process that need one."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres(running_postgres: PostgresServer) -> PostgresServer:
    """The server, with no sessions in it."""
    running_postgres.empty()
    return running_postgres


@pytest.fixture
async def key_values(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[str], AsyncKeyValue]]:
    """Backends for the key-value store: one of each kind, which is closed at the end."""
    made: dict[str, AsyncKeyValue] = {}
    servers: list[redis.RedisStore] = []

    def backend(kind: str) -> AsyncKeyValue:
        if kind not in made and kind == "key-value":
            made[kind] = memory.MemoryStore()
        elif kind not in made:
            servers.append(redis.RedisStore(url=request.getfixturevalue("valkey").url))
            made[kind] = servers[-1]
        return made[kind]

    yield backend
    for server in servers:
        await server.close()


KEY_VALUE = ["key-value", "key-value redis"]
AROUND = ["observed memory", "noticed sqlite"]
UNHURRIED = "socket_connect_timeout=30"
"""A busy machine is no bug: how long a connection takes is never a failure here."""
ENCRYPTED = ["encrypted memory", "encrypted sqlite", "encrypted redis"]
OTHERWISE_ENCRYPTED = {
    "test_the_size_of_a_session_is_that_of_its_keys_and_values",
    "test_a_value_whose_time_is_over_takes_no_room_once_it_is_purged_or_written_over",
    "test_a_session_that_begins_anew_has_nothing_of_the_size_of_the_old_one",
    "test_a_value_may_have_so_many_bytes",
    "test_a_session_may_have_so_many_bytes_and_can_always_be_made_smaller",
    "test_the_size_of_a_copy_is_that_of_its_keys_and_values",
    "test_a_listing_says_whose_a_session_is_and_how_large",
    "test_a_session_can_be_looked_up_whoever_owns_it",
    "test_use_does_not_stretch_the_greatest_lifetime",
    "test_what_is_refused_does_not_keep_the_parent_alive",
    "test_the_size_of_a_migrated_session_is_that_of_its_keys_and_values",
    "test_a_value_that_was_written_as_it_was_is_the_same_value",
}
"""They count bytes, refuse without a use, or write a value as it was; what holds instead is in test_encrypted."""


@pytest.fixture(params=["memory", "sqlite", "redis", "redis cluster", "postgres", *KEY_VALUE, *ENCRYPTED, *AROUND])
async def store(
    request: pytest.FixtureRequest, clock: FakeClock, make_store: Callable[..., Store]
) -> AsyncIterator[Store]:
    """Every store that keeps the contract."""
    if request.param in ENCRYPTED and request.node.originalname in OTHERWISE_ENCRYPTED:
        pytest.skip("sizes are those of sealed values, and what reads first is a use: see test_encrypted")
    made = make_store(request.param, clock=clock)
    yield made
    await made.aclose()


@pytest.fixture
def make_store(
    request: pytest.FixtureRequest,
    sqlite_path: Path,
    redis_options: dict[str, object],
    key_values: Callable[[str], AsyncKeyValue],
) -> Callable[..., Store]:
    """Make another store of a kind, on the same data as far as there is any outside of it."""

    def make(kind: str, **options: object) -> Store:
        if kind in ENCRYPTED:
            return EncryptedStore(make(kind.removeprefix("encrypted "), **options), [STORE_KEY])
        if kind == "observed memory":
            return ObservedStore(make("memory", **options), tracer_provider=TracerProvider())
        if kind == "noticed sqlite":
            return NoticedStore(make("sqlite", **options))
        if kind == "memory":
            return MemoryStore(**options)  # type: ignore[arg-type]
        if kind == "sqlite":
            return SQLiteStore(sqlite_path, **options)  # type: ignore[arg-type]
        if kind == "postgres":
            return PostgresStore(request.getfixturevalue("postgres").url, **options)  # type: ignore[arg-type]
        if kind.startswith("key-value"):
            return KeyValueStore(key_values(kind), collection=str(redis_options["prefix"]), **options)  # type: ignore[arg-type]
        if kind == "redis":
            url = request.getfixturevalue("valkey").url + f"?{UNHURRIED}"
            return RedisStore(url, **redis_options | options)  # type: ignore[arg-type]
        url = request.getfixturevalue("cluster")[0].url + f"?cluster=true&{UNHURRIED}"
        return RedisStore(url, **redis_options | options)  # type: ignore[arg-type]

    return make


@pytest.fixture
async def sqlite_store(clock: FakeClock, sqlite_path: Path) -> AsyncIterator[SQLiteStore]:
    made = SQLiteStore(sqlite_path, clock=clock)
    yield made
    await made.aclose()


@pytest.fixture
def access() -> Access:
    """Somebody's claim to their cart."""
    return Access(Address("handle", "cart_1", "cart"), "me")


@pytest.fixture
def lifetime() -> Lifetime:
    return Lifetime(600.0)
