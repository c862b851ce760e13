"""The notices of every store keep the contract."""

from collections.abc import AsyncIterator, Callable

import pytest
from tests.stores.postgres_server import PostgresServer
from tests.stores.valkey_server import ValkeyServer

from mcp_sessions.stores import MemoryStore, SQLiteStore, Store
from mcp_sessions.stores.notices import Notices, notices_of
from mcp_sessions.stores.postgres import PostgresStore
from mcp_sessions.stores.redis import RedisStore
from mcp_sessions.testing.contract import NoticesContract

KINDS = ["memory", "sqlite", "redis", "redis cluster", "postgres", "encrypted redis", "observed memory"]


class TestNotices(NoticesContract):
    """All of it, on each kind of store; in memory two stores are the same object."""

    @pytest.fixture(params=KINDS)
    async def stores(
        self, request: pytest.FixtureRequest, make_store: Callable[..., Store]
    ) -> AsyncIterator[tuple[Store, Store]]:
        one = make_store(request.param)
        other = one if "memory" in request.param else make_store(request.param)
        yield one, other
        await one.aclose()
        await other.aclose()

    @pytest.fixture
    async def sender(self, stores: tuple[Store, Store]) -> AsyncIterator[Notices]:
        made = notices_of(stores[0])
        yield made
        await made.aclose()

    @pytest.fixture
    async def receiver(self, stores: tuple[Store, Store]) -> AsyncIterator[Notices]:
        made = notices_of(stores[1])
        yield made
        await made.aclose()

    @pytest.fixture
    async def stranger(self, stores: tuple[Store, Store], request: pytest.FixtureRequest) -> AsyncIterator[Notices]:
        store = self._another(stores[0], request)
        made = notices_of(store)
        yield made
        await made.aclose()
        await store.aclose()

    def _another(self, store: Store, request: pytest.FixtureRequest) -> Store:
        while (inside := getattr(store, "store", None)) is not None:
            store = inside
        if isinstance(store, MemoryStore):
            return MemoryStore()
        if isinstance(store, SQLiteStore):
            return SQLiteStore(request.getfixturevalue("tmp_path") / "others.db")
        if isinstance(store, PostgresStore):
            server: PostgresServer = request.getfixturevalue("postgres")
            return PostgresStore(server.url, schema="others")
        servers: list[ValkeyServer] = [request.getfixturevalue("valkey")]
        if "cluster" in request.node.name:
            servers = request.getfixturevalue("cluster")
            return RedisStore(servers[0].url + "?cluster=true", prefix="others")
        return RedisStore(servers[0].url, prefix="others")
