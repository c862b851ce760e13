"""The stores under test, each with a clock that only the test moves."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.stores.postgres_server import PostgresServer, postgres_server

from mcp_sessions.stores import Access, Address, Lifetime, MemoryStore, SQLiteStore, Store
from mcp_sessions.stores.postgres import PostgresStore

START = 1_800_000_000.0


class FakeClock:
    """A clock that stands still until it is told to go."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


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


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, clock: FakeClock, sqlite_path: Path) -> AsyncIterator[Store]:
    """Every store that keeps the contract."""
    made: Store
    match request.param:
        case "memory":
            made = MemoryStore(clock=clock)
        case "sqlite":
            made = SQLiteStore(sqlite_path, clock=clock)
        case _:
            made = PostgresStore(request.getfixturevalue("postgres").url, clock=clock)
    yield made
    await made.aclose()


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
