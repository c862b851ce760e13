"""The diagnosis of stores: what is well, and what is said of what is not."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field
from tests.stores.postgres_server import PostgresServer
from tests.stores.valkey_server import ValkeyServer

from mcp_sessions import Key, Limits, NumberKey, Session, SessionSchema, StoreError, UntypedSession, ValueModel
from mcp_sessions.admin import CHECKS, Catalog, Finding, diagnose
from mcp_sessions.ids import masked, mint_handle
from mcp_sessions.stores import Access, Address, Lifetime, MemoryStore, SQLiteStore, Store
from mcp_sessions.stores.checkup import Checkup, Remark
from mcp_sessions.stores.encrypted import EncryptedStore, new_key
from mcp_sessions.stores.postgres import PostgresStore
from mcp_sessions.stores.redis import RedisStore
from mcp_sessions.stores.redis.checkup import checkup, facts_of
from mcp_sessions.testing import FakeClock


class CartState(ValueModel):
    """A cart."""


class CartSession(
    Session[CartState, str],
    schema=SessionSchema(
        name="cart",
        version=2,
        since=2,
        reads=2,
        idle=600.0,
        max=3600.0,
        keys=(NumberKey[int]("visits", Annotated[int, Field(ge=0)], default=0), Key[str, str | None]("coupon", str)),
    ),
):
    """A cart."""


class Pad(UntypedSession, name="pad"):
    """Any key."""


CATALOG = Catalog([CartSession, Pad])


async def begun(store: Store, schema: str = "cart", owner: str | None = None, **about: Any) -> Access:
    values, idle, most = about.pop("values", {}), about.pop("idle", 600.0), about.pop("max", 3600.0)
    version = {"version": 2, "since": 2} if schema == "cart" else {}
    access = Access(Address("handle", mint_handle(schema), schema), owner, **(version | about))
    await store.create(access, Lifetime(idle, most), values)
    return access


async def findings(store: Store, catalog: Catalog = CATALOG, **options: Any) -> list[Finding]:
    found = [one async for one in diagnose(store, catalog, **options)]
    assert {one.check for one in found} - {"mood"} <= CHECKS
    return found


async def bad(store: Store, catalog: Catalog = CATALOG, **options: Any) -> list[Finding]:
    """Return what is not well with the sessions; of servers under test, this and that is not."""
    server = ("permissions", "durability", "persistence", "eviction", "clock", "workers", "autovacuum")
    found = await findings(store, catalog, **options)
    return [one for one in found if one.level != "ok" and one.check not in server]


async def test_a_store_that_is_well_has_nothing_but_good_findings(store: Store) -> None:
    for _ in range(5):
        await begun(store, values={"visits": b"1", "coupon": b'"A"'})
    await begun(store, "pad", values={"a": b"1"})
    seen: list[int] = []
    found = {one.check: one for one in await findings(store, progress=seen.append)}
    assert await bad(store) == []
    assert sum(seen) == 6
    assert found["store"].message == "it is there, with 6 sessions"
    assert found["schemas"].message == "all sessions are of schemas at hand: cart, pad"
    assert found["values"].message == "10 values in 5 sessions fit their keys"
    assert {"store", "clock", "schemas", "versions", "values", "lifetimes", "limits"} <= found.keys()


async def test_an_empty_store_is_well(store: Store) -> None:
    assert await bad(store) == []
    assert await bad(store, Catalog()) == []


async def test_values_that_do_not_fit_are_found_and_not_repeated(store: Store) -> None:
    good = await begun(store, values={"visits": b"1"})
    wrong = [await begun(store, values={"visits": b"-5", "coupon": b'"A"'}) for _ in range(2)]
    [one] = await bad(store)
    assert (one.check, one.level, one.count) == ("values", "error", 2)
    assert set(one.sessions) == {masked(access.address.id) for access in wrong}
    assert "2 of 5 values do not fit: cart.visits of " in one.message
    assert "input should be greater than or equal to 0" in one.message
    assert "-5" not in one.message
    assert masked(good.address.id) not in one.sessions


async def test_sessions_of_other_versions_and_of_no_schema_are_found(store: Store) -> None:
    await begun(store, version=1, values={"visits": b'"was text"'})
    for _ in range(2):
        await begun(store, version=3, since=3)
    await begun(store, version=3, since=2)
    await begun(store, "wizard")
    found = {one.check: one for one in await bad(store)}
    assert {check: (one.level, one.count) for check, one in found.items()} == {
        "older": ("warning", 1),
        "newer": ("warning", 2),
        "schemas": ("warning", 1),
    }
    assert found["older"].message == "1 session of older versions: cart 1"
    assert found["newer"].message == "2 sessions of newer versions than the code: cart 3"
    assert found["schemas"].message == "1 session of schemas that are not at hand: wizard"
    assert all(one.advice for one in found.values())
    [unread] = [one for one in await findings(store) if one.check == "unread"]
    assert (unread.level, unread.message) == (
        "ok",
        "values of 3 sessions were not checked: they are of other versions",
    )


async def test_sessions_that_live_longer_than_they_should_are_found(store: Store, clock: FakeClock) -> None:
    await begun(store, idle=700.0)
    await begun(store, max=None)
    await begun(store, max=7200.0)
    await begun(store)
    [one] = await bad(store)
    assert (one.check, one.count, one.message) == (
        "lifetimes",
        3,
        "3 sessions may live longer than the schema says: cart",
    )
    await begun(store, "pad", idle=1e9, max=None)
    clock.advance(40 * 24 * 3600.0)
    [one] = await bad(store)
    assert (one.check, one.message) == ("lifetimes", "1 session older than 30 days, without a greatest lifetime")


@pytest.mark.parametrize("changed", [{"expires": 1e11}, {"expires": 1e11, "max_at": None}, {"max_at": 10.0}])
async def test_sessions_whose_expiry_no_use_could_have_put_there_are_found(
    changed: dict[str, Any], clock: FakeClock
) -> None:
    """As of a row that was written by hand, and is there in the year 5138."""
    store = MemoryStore(clock=clock)
    access = await begun(store, "pad", values={"a": b"1"})
    clock.advance(300.0)
    await store.read(access)
    assert await bad(store) == []
    copy = await store.copy_out(access.address)
    assert copy is not None
    await store.end(access)
    other = Address("handle", mint_handle("pad"), "pad")
    await store.copy_in(replace(copy, address=other, **changed))
    [one] = await bad(store)
    assert (one.check, one.level, one.count) == ("lifetimes", "error", 1)
    assert one.message == "1 session would expire later than they may: pad"
    assert one.sessions == (masked(other.id),)


async def test_limits_that_are_near_are_found(store: Store) -> None:
    for _ in range(3):
        await begun(store, "pad", "ab" * 32)
    await begun(store, "pad", values={"a": b"1" * 95})
    found = await bad(store, limits=Limits(session_bytes=100, owner_sessions=3, all_sessions=4))
    assert [(one.check, one.level) for one in found] == [
        ("limits", "error"),
        ("limits", "warning"),
        ("limits", "warning"),
    ]
    assert found[0].message == "4 sessions of at most 4"
    assert found[1].message == "the owner abababab has 3 sessions of at most 3"
    assert found[2].message == "1 session near the limit of 100 bytes"
    assert await bad(store, limits=Limits()) == []


async def test_what_has_expired_and_is_not_removed_is_found(clock: FakeClock) -> None:
    store = MemoryStore(clock=clock)
    for _ in range(1001):
        await begun(store, "pad")
    clock.advance(700.0)
    [one] = await bad(store)
    assert (one.check, one.count, one.message) == ("expired", 1001, "1001 expired sessions not removed yet")


async def test_what_the_schema_does_not_have_is_told(store: Store) -> None:
    await begun(store, values={"former": b"1"})
    found = [one for one in await findings(store) if one.check == "undeclared"]
    assert [(one.level, one.message) for one in found] == [
        ("ok", "1 value of keys that the schema does not have: cart.former")
    ]


async def test_encrypted_values_are_checked_with_the_keys_and_else_said_to_be_unchecked(
    make_store: Callable[..., Store],
) -> None:
    inner, key = make_store("sqlite"), new_key()
    store = EncryptedStore(inner, [key])
    await begun(store, values={"visits": b"-1"})
    assert [one.check for one in await bad(store)] == ["values"]
    assert [one.message[:6] for one in await findings(store) if one.check == "server"] == ["SQLite"]
    [one] = await bad(inner)
    assert (one.check, one.level, one.message) == (
        "sealed",
        "warning",
        "1 value could not be checked: they are encrypted",
    )
    [one] = await bad(EncryptedStore(inner, [new_key()]))
    assert (one.check, one.level, one.count) == ("sealed", "error", 1)
    assert "is not among the keys" in one.message
    await store.aclose()


async def test_a_store_that_cannot_be_reached_is_an_error(tmp_path: Path) -> None:
    store = RedisStore(f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(StoreError, match="failed"):
        await findings(store)
    await store.aclose()


# Servers


async def test_a_file_that_others_may_read_or_that_is_in_another_mode_is_found(sqlite_path: Path) -> None:
    store = SQLiteStore(sqlite_path)
    well = await store.inspect()
    assert well.server == f"SQLite {sqlite3.sqlite_version}"
    assert well.clock is None
    assert [(one.check, one.level) for one in well.remarks] == [
        ("permissions", "ok"),
        ("integrity", "ok"),
        ("journal", "ok"),
    ]
    await store.aclose()
    sqlite_path.chmod(0o644)
    with closing(sqlite3.connect(sqlite_path)) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    from mcp_sessions.stores.sqlite import checkup as of_sqlite
    from mcp_sessions.stores.sqlite.file import SQLiteFile

    file = SQLiteFile(sqlite_path, "NORMAL", 1.0)
    with closing(sqlite3.connect(sqlite_path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    found = {one.check: one for one in of_sqlite.inspect(file).remarks}
    if os.name == "posix":
        assert found["permissions"].message == "others may read the file (mode 0644)"
    assert found["journal"].message == "it is in delete mode, not in WAL mode"


async def test_a_damaged_file_is_found(sqlite_path: Path) -> None:
    store = SQLiteStore(sqlite_path)
    for _ in range(300):
        await begun(store, values={"coupon": b'"' + b"x" * 200 + b'"'})
    await store.aclose()
    with closing(sqlite3.connect(sqlite_path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = sqlite_path.stat().st_size
    with sqlite_path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\x7f" * 4096)
    store = SQLiteStore(sqlite_path)
    found = [one for one in (await store.inspect()).remarks if one.check == "integrity"]
    assert [one.level for one in found] == ["error"]
    assert found[0].message.startswith("the file is damaged: ")
    await store.aclose()


async def test_a_running_valkey_tells_of_itself(valkey: ValkeyServer, redis_options: dict[str, Any]) -> None:
    store = RedisStore(valkey.url, **redis_options)
    found = await store.inspect()
    assert found.server.startswith("Valkey ")
    assert found.clock is not None
    assert {"eviction", "persistence"} <= {one.check for one in found.remarks}
    assert await bad(store) == []
    await store.aclose()


async def test_all_nodes_of_a_cluster_are_looked_at(cluster: list[ValkeyServer], redis_options: dict[str, Any]) -> None:
    store = RedisStore(cluster[0].url + "?cluster=true", **redis_options)
    found = await store.inspect()
    assert found.server.endswith(", 3 nodes of a cluster")
    assert found.clock is not None
    await store.aclose()


async def test_a_running_postgresql_tells_of_itself(postgres: PostgresServer) -> None:
    store = PostgresStore(postgres.url)
    await store.count()
    found = await store.inspect()
    assert found.server.startswith("PostgreSQL ")
    assert found.clock is not None
    assert {"format", "connections"} <= {one.check for one in found.remarks}
    assert [one.check for one in await findings(store) if one.check == "server"] == ["server"]
    await store.aclose()


INFO = b"""# Server
redis_version:7.2.4
valkey_version:9.1.0
server_time_usec:1800000000000000
uptime_in_seconds:100000

# Memory
used_memory:900
maxmemory:1000
maxmemory_policy:noeviction

# Persistence
aof_enabled:1
rdb_last_bgsave_status:ok
aof_last_write_status:ok
rdb_last_save_time:1799900000

# Stats
evicted_keys:0
# Replication
role:master
# Cluster
cluster_enabled:0
"""


def remarks_of(**changed: str) -> dict[str, Remark]:
    found = {one.check: one for one in checkup([facts_of(INFO) | changed], 0.0).remarks}
    assert found.keys() <= CHECKS
    return found


def test_a_server_that_is_nearly_full_is_found() -> None:
    assert remarks_of()["memory"] == Remark(
        "memory", "warning", "90% of maxmemory is in use", "raise maxmemory, or find out what is so large"
    )
    assert remarks_of(used_memory="100")["memory"].level == "ok"
    assert "memory" not in remarks_of(maxmemory="0")


@pytest.mark.parametrize(
    ("facts", "level", "words"),
    [
        ({}, "ok", "nothing is evicted"),
        ({"maxmemory_policy": "allkeys-lru"}, "error", "any key may vanish"),
        ({"maxmemory_policy": "volatile-lru"}, "warning", "drops sessions before their time"),
        ({"maxmemory_policy": "volatile-lru", "maxmemory": "0"}, "ok", "nothing is evicted"),
        ({"maxmemory_policy": "volatile-lru", "evicted_keys": "7"}, "warning", "7 keys were evicted"),
    ],
)
def test_a_server_that_evicts_keys_is_found(facts: dict[str, str], level: str, words: str) -> None:
    found = remarks_of(**facts)["eviction"]
    assert found.level == level
    assert words in found.message


@pytest.mark.parametrize(
    ("facts", "level", "words"),
    [
        ({}, "ok", "append-only file"),
        ({"aof_enabled": "0"}, "warning", "nothing was written to disk since the server started"),
        ({"aof_enabled": "0", "rdb_last_save_time": "1799999000"}, "warning", "there are snapshots only"),
        ({"aof_last_write_status": "err"}, "error", "could not write to its disk"),
        ({"rdb_last_bgsave_status": "err"}, "error", "could not write to its disk"),
    ],
)
def test_a_server_that_does_not_write_to_disk_is_found(facts: dict[str, str], level: str, words: str) -> None:
    found = remarks_of(**facts)["persistence"]
    assert found.level == level
    assert words in found.message


def test_replicas_and_old_servers_are_found() -> None:
    assert remarks_of(role="slave")["role"].level == "error"
    assert remarks_of(redis_version="6.0.9")["version"].message == "it is older than Redis 6.2"
    assert {"role", "version"}.isdisjoint(remarks_of())


def test_of_several_nodes_what_is_worst_is_told() -> None:
    nodes = [facts_of(INFO), facts_of(INFO) | {"aof_enabled": "0", "cluster_enabled": "1"}, facts_of(INFO)]
    found = checkup(nodes, 1.0)
    assert found.server == "Valkey 9.1.0"
    assert {one.check: one.level for one in found.remarks}["persistence"] == "warning"


class Late(MemoryStore):
    """A store whose server has another time."""

    async def inspect(self) -> Checkup:
        import time

        return Checkup("Late 1.0", time.time() - 90.5, (Remark("mood", "warning", "it is sad", "cheer it up"),))


class Silent(MemoryStore):
    """A store whose server does not answer questions about itself."""

    async def inspect(self) -> Checkup:
        raise StoreError("the session store failed: NOPERM")


async def test_a_server_that_does_not_tell_how_it_is_keeps_nobody_from_looking_at_its_sessions() -> None:
    found = {one.check: one for one in await findings(Silent())}
    assert found["server"].message == "it does not tell how it is: the session store failed: NOPERM"
    assert (found["server"].level, found["clock"].level, found["limits"].level) == ("warning", "ok", "ok")


async def test_a_clock_that_is_wrong_and_remarks_of_the_server_are_told() -> None:
    found = {one.check: one for one in await findings(Late())}
    assert found["server"].message == "Late 1.0"
    assert found["mood"] == Finding("mood", "warning", "it is sad", "cheer it up")
    assert found["clock"].level == "error"
    assert found["clock"].message == "the store's clock is 90.5 seconds behind this machine's"
