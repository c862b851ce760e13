"""Random operations on two handles to one store, against plain dictionaries and the contract's own words."""

import asyncio
import itertools
import json
import shutil
import tempfile
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from key_value.aio.stores.memory import MemoryStore as KeyValueMemory
from key_value.aio.stores.redis import RedisStore as KeyValueRedis
from tests.stores.postgres_server import PostgresServer
from tests.stores.valkey_server import ValkeyServer

from mcp_sessions import TooManySessionsError
from mcp_sessions.stores import (
    GRACE_SECONDS,
    SLIDE_STEP,
    TOMBSTONE_SECONDS,
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Lifetime,
    Limits,
    Listed,
    MemoryStore,
    NotLiveError,
    OtherVersionError,
    Page,
    Remains,
    SchemaVersion,
    SessionExistsError,
    SQLiteStore,
    Store,
)
from mcp_sessions.stores.encrypted import EncryptedStore
from mcp_sessions.stores.encrypted.sealing import OVERHEAD
from mcp_sessions.stores.keyvalue import KeyValueStore
from mcp_sessions.stores.postgres import PostgresStore
from mcp_sessions.stores.redis import RedisStore

PREFIXES = itertools.count()
IDLE, LONGEST = 100.0, 500.0
KEYS = st.sampled_from(["a", "b", "é\0"])
TTLS = st.sampled_from([None, None, 1.0, IDLE / 2, LONGEST])
VALUES = st.integers(-5, 5).map(lambda number: str(number).encode())
ACCESSES = st.builds(
    Access,
    st.builds(
        Address,
        st.sampled_from(["connection", "transport", "transport"]),
        st.sampled_from(["1", "2"]),
        st.sampled_from([TRANSPORT_SCHEMA, "cart", "notes"]),
    ),
    st.sampled_from(["me", "me", "you"]),
    st.sampled_from([None, None, Lifetime(IDLE), Lifetime(IDLE * 3), Lifetime(IDLE, LONGEST)]),
    st.integers(1, 3),
    st.sampled_from(["x", "y"]),
    st.sampled_from([0, 0, 0, 2]),
    st.sampled_from([0, 0, 0, 2]),
)


class Model:
    """One session as the contract describes it; only how late the expiry may run is the store's to choose."""

    def __init__(self, access: Access, lifetime: Lifetime, now: float) -> None:
        self.owner, self.lifetime = access.owner, lifetime
        self.version = SchemaVersion(access.version, access.digest, access.since)
        self.created = now
        self.ended: float | None = None
        self.purged = False
        self.values: dict[str, bytes] = {}
        self.untils: dict[str, float] = {}
        self.over_bytes: dict[str, int] = {}
        self.use(now)

    def prune(self, now: float) -> None:
        for key in [key for key, until in self.untils.items() if until <= now]:
            del self.untils[key]
            self.over_bytes[key] = len(key.encode()) + len(self.values.pop(key))

    def use(self, now: float) -> None:
        self.prune(now)
        end = float("inf") if self.lifetime.max is None else self.created + self.lifetime.max
        self.earliest = min(now + self.lifetime.idle, end)
        self.latest = min(now + self.lifetime.idle * (1 + SLIDE_STEP), end)


class StoreMachine(RuleBasedStateMachine):
    """Advances the clock only to moments at which the contract leaves no choice."""

    kind = "memory"
    url = ""
    encrypted = False
    postgres: PostgresServer

    @initialize()
    def open(self) -> None:
        self.now = 1_800_000_000.0
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.stores: list[Store] = []
        if self.kind == "memory":
            self.stores = [MemoryStore(clock=lambda: self.now)] * 2
        elif self.kind == "sqlite":
            self.stores = [SQLiteStore(self.folder / "s.db", clock=lambda: self.now) for _ in range(2)]
        elif self.kind == "postgres":
            self.postgres.empty()
            url = self.postgres.url
            self.stores = [PostgresStore(url, clock=lambda: self.now, prepare=flag) for flag in (False, True)]
        elif self.kind == "key-value":
            self.key_value = KeyValueRedis(url=self.url) if self.url else KeyValueMemory()
            options = {"collection": f"model{next(PREFIXES)}", "clock": lambda: self.now}
            self.stores = [KeyValueStore(self.key_value, **options) for _ in range(2)]
        else:
            number, prefix = int(self.kind), f"model{next(PREFIXES)}"
            self.stores = [
                RedisStore(self.url, prefix=prefix, partitions=number, clock=lambda: self.now) for _ in range(2)
            ]
        if self.encrypted:
            self.stores = [EncryptedStore(store, [bytes(32)]) for store in self.stores]
        self.model: dict[Address, Model] = {}

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        for store in self.stores:
            self.loop.run_until_complete(store.aclose())
        if self.kind == "key-value" and self.url:
            self.loop.run_until_complete(self.key_value.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    def ask(self, which: int, operation: str, *arguments: Any) -> Any:
        """Perform an operation; a refusal is an answer too."""
        try:
            return self.loop.run_until_complete(getattr(self.stores[which], operation)(*arguments))
        except NotLiveError as error:
            return error.reason
        except SessionExistsError:
            return "exists"
        except OtherVersionError as error:
            return f"version {error.version}"

    def size(self, found: Model) -> tuple[int, int]:
        """Return between what the size of a session is: values whose time is over may still be counted."""
        seal = OVERHEAD if self.encrypted else 0
        least = sum(len(key.encode()) + len(value) + seal for key, value in found.values.items())
        return least, least + sum(size + seal for size in found.over_bytes.values())

    def find(self, address: Address, owner: str | None) -> tuple[Model | None, str]:
        """Return the live session, or the reason why there is none."""
        found = self.model.get(address)
        if found is None or self.now >= self.over(found) + TOMBSTONE_SECONDS:
            return None, "unknown"
        if found.owner != owner:
            return None, "foreign"
        if found.ended is not None:
            return None, "ended"
        return (found, "") if self.now < found.earliest else (None, "expired")

    def parent(self, access: Access) -> tuple[Model | None, str]:
        """Return the parent that is needed, or the refusal that its absence is."""
        if not self.is_child(access.address):
            return None, ""
        parent, reason = self.find(Address("transport", access.address.id, TRANSPORT_SCHEMA), access.owner)
        return parent, "unknown" if reason == "foreign" else reason

    def family(self, address: Address) -> list[Address]:
        """Return a session and its children, as far as they have records."""
        if address.space != "transport" or address.schema != TRANSPORT_SCHEMA:
            return [address]
        return [address, *(other for other in self.model if other.id == address.id and self.is_child(other))]

    @staticmethod
    def is_child(address: Address) -> bool:
        return address.space == "transport" and address.schema != TRANSPORT_SCHEMA

    def begin(self, access: Access, lifetime: Lifetime) -> Model:
        for address in self.family(access.address):
            self.model.pop(address, None)
        made = self.model[access.address] = Model(access, lifetime, self.now)
        return made

    def over(self, found: Model) -> float:
        return found.latest if found.ended is None else found.ended

    def expect(self, access: Access, *, begins: bool, looks: bool = True) -> tuple[dict[str, bytes] | None, str]:
        """Return the values that the operation works on, or the refusal that must come."""
        parent, reason = self.parent(access)
        if reason:
            return None, reason
        found, reason = self.find(access.address, access.owner)
        is_parent = access.address.space == "transport" and not self.is_child(access.address)
        if found is None and (access.begin is None or is_parent or reason in ("foreign", "expired")):
            return None, "unknown" if reason == "foreign" else reason
        if found is not None and looks:
            theirs, ours = found.version.number, access.version
            if (theirs < ours and access.reads > theirs) or (theirs > ours and found.version.since > ours):
                return None, f"version {theirs}"
        if parent is not None:
            parent.use(self.now)
        if found is None:
            if not begins:
                return {}, ""
            assert access.begin is not None
            found = self.begin(access, access.begin)
        found.use(self.now)
        return found.values, ""

    @rule(seconds=st.sampled_from([1.0, IDLE / 2, IDLE * 0.98, IDLE, IDLE * 1.1, LONGEST, TOMBSTONE_SECONDS]))
    def advance(self, seconds: float) -> None:
        self.now += seconds
        for found in self.model.values():
            over = self.over(found)
            for uncertain_from, until in (
                (found.earliest, found.latest),
                (over + TOMBSTONE_SECONDS - IDLE * SLIDE_STEP, over + TOMBSTONE_SECONDS),
            ):
                if uncertain_from <= self.now < until:
                    self.now = until

    @rule(which=st.integers(0, 1), access=ACCESSES, max=st.sampled_from([None, LONGEST]), ttl=TTLS)
    def create(self, which: int, access: Access, max: float | None, ttl: float | None) -> None:
        answer = self.ask(which, "create", access, Lifetime(IDLE, max), {"a": b"1"}, self.ttls(ttl, "a"))
        parent, refusal = self.parent(access)
        former = self.model.get(access.address)
        if refusal:
            assert answer == refusal
            return
        if former is not None and self.now < self.over(former) + TOMBSTONE_SECONDS:
            assert answer == "exists"
            return
        if parent is not None:
            parent.use(self.now)
        made = self.begin(access, Lifetime(IDLE, max))
        self.apply(access, made.values, {"a": b"1"}, ttl)
        assert made.earliest <= answer.expires <= made.latest
        assert SchemaVersion(answer.version, answer.digest, answer.since) == made.version
        assert answer.size == self.size(made)[0]

    @rule(which=st.integers(0, 1), access=ACCESSES, change=st.booleans())
    def touch(self, which: int, access: Access, change: bool) -> None:
        lifetime = Lifetime(IDLE, LONGEST * 2) if change else None
        values, refusal = self.expect(access, begins=True, looks=False)
        answer = self.ask(which, "touch", access, lifetime)
        if values is None:
            assert answer == refusal
            return
        found = self.model[access.address]
        if lifetime is not None:
            found.lifetime = lifetime
            found.use(self.now)
        assert found.earliest <= answer.expires <= found.latest
        assert answer.created == found.created
        assert SchemaVersion(answer.version, answer.digest, answer.since) == found.version
        least, most = self.size(found)
        assert least <= answer.size <= most

    @rule(which=st.integers(0, 1), access=ACCESSES, keys=st.none() | st.lists(KEYS))
    def read(self, which: int, access: Access, keys: list[str] | None) -> None:
        values, refusal = self.expect(access, begins=False)
        answer = self.ask(which, "read", access, keys)
        if values is None:
            assert answer == refusal
        else:
            assert answer == {key: value for key, value in values.items() if keys is None or key in keys}

    @rule(which=st.integers(0, 1), access=ACCESSES)
    def names(self, which: int, access: Access) -> None:
        values, refusal = self.expect(access, begins=False)
        assert self.ask(which, "names", access) == (refusal if values is None else sorted(values))

    @rule(which=st.integers(0, 1), access=ACCESSES, changes=st.dictionaries(KEYS, st.none() | VALUES), ttl=TTLS)
    def write(self, which: int, access: Access, changes: dict[str, bytes | None], ttl: float | None) -> None:
        values, refusal = self.expect(access, begins=True)
        answer = self.ask(which, "write", access, changes, None, self.ttls(ttl, *changes))
        assert answer == (refusal if values is None else None)
        self.apply(access, values, changes, ttl)

    @rule(
        which=st.integers(0, 1),
        access=ACCESSES,
        key=KEYS,
        value=VALUES,
        other=st.none() | VALUES,
        right=st.booleans(),
        ttl=TTLS,
    )
    def compare_and_set(
        self, which: int, access: Access, key: str, value: bytes, other: bytes | None, right: bool, ttl: float | None
    ) -> None:
        seen, refusal = self.expect(access, begins=False)
        held = None if seen is None else seen.get(key)
        expected = held if right else other
        answer = self.ask(which, "write", access, {key: value}, {key: expected}, self.ttls(ttl, key))
        if seen is None:
            assert answer == refusal
        elif held != expected:
            assert answer == {key: held}
        else:
            assert answer is None
            self.apply(access, self.expect(access, begins=True)[0], {key: value}, ttl)

    @rule(which=st.integers(0, 1), access=ACCESSES, key=KEYS)
    def remove(self, which: int, access: Access, key: str) -> None:
        values, refusal = self.expect(access, begins=False)
        assert self.ask(which, "remove", access, key) == (refusal if values is None else values.pop(key, None))
        if access.address in self.model and values is not None:
            self.model[access.address].untils.pop(key, None)

    @rule(which=st.integers(0, 1), access=ACCESSES)
    def clear(self, which: int, access: Access) -> None:
        values, refusal = self.expect(access, begins=False)
        assert self.ask(which, "clear", access) == (refusal if values is None else None)
        if values is not None:
            values.clear()
            if access.address in self.model:
                self.model[access.address].untils.clear()
                self.model[access.address].over_bytes.clear()

    @rule(which=st.integers(0, 1), access=ACCESSES, key=KEYS, by=st.integers(-3, 3), ttl=TTLS)
    def increment(self, which: int, access: Access, key: str, by: int, ttl: float | None) -> None:
        values, refusal = self.expect(access, begins=True)
        answer = self.ask(which, "increment", access, key, by, b"10", ttl)
        if values is None:
            assert answer == refusal
        else:
            self.apply(access, values, {key: str(int(values.get(key, b"10")) + by).encode()}, ttl)
            assert answer == values[key]

    @rule(which=st.integers(0, 1), access=ACCESSES, items=st.lists(VALUES), ttl=TTLS)
    def append(self, which: int, access: Access, items: list[bytes], ttl: float | None) -> None:
        values, refusal = self.expect(access, begins=True)
        assert self.ask(which, "append", access, "list", items, b"[0]", ttl) == (refusal if values is None else None)
        if values is not None and items:
            longer = values.get("list", b"[0]")[:-1] + b"," + b",".join(items) + b"]"
            json.loads(longer)
            self.apply(access, values, {"list": longer}, ttl)

    @rule(
        which=st.integers(0, 1),
        access=ACCESSES,
        changes=st.dictionaries(KEYS, st.none() | VALUES),
        ttl=TTLS,
        wrong=st.sampled_from(["", "", "owner", "version", "created", "values"]),
    )
    def migrate(
        self, which: int, access: Access, changes: dict[str, bytes | None], ttl: float | None, wrong: str
    ) -> None:
        address, version = access.address, SchemaVersion(access.version, access.digest, access.since)
        parent = Address("transport", address.id, TRANSPORT_SCHEMA)
        copy = self.loop.run_until_complete(self.stores[1 - which].copy_out(address))
        if not self.is_live(address) or (self.is_child(address) and not self.is_live(parent)):
            assert copy is None
            return
        found = self.model[address]
        found.prune(self.now)
        assert SchemaVersion(copy.version, copy.digest, copy.since) == found.version
        assert (copy.owner, copy.values, copy.untils) == (found.owner, found.values, found.untils)
        others = {"owner": None, "version": 9, "created": 0.0, "values": {**copy.values, "other": b"1"}}
        given = replace(copy, **{wrong: others[wrong]}) if wrong else copy
        untils = {} if ttl is None else dict.fromkeys(changes, self.now + ttl)
        assert self.ask(which, "migrate", given, version, changes, untils) is not bool(wrong)
        if not wrong:
            self.apply(access, found.values, changes, ttl)
            found.version = version

    @rule(which=st.integers(0, 1), access=ACCESSES, expired=st.booleans())
    def end(self, which: int, access: Access, expired: bool) -> None:
        parent, refusal = self.parent(access)
        found, reason = (None, refusal) if refusal else self.find(access.address, access.owner)
        if expired:
            found = self.model[access.address] if reason == "expired" and not refusal else None
        told = self.loop.run_until_complete(self.stores[which].end(access, values=True, expired=expired))
        if found is None:
            assert told == []
            return
        if told or not expired:
            assert told[0].address == access.address
        else:
            assert found.purged or self.now >= found.earliest + GRACE_SECONDS, "somebody else may have been told"
        assert {gone.address for gone in told} <= set(self.family(access.address))
        for gone in told:
            by_itself = "ended" if self.now < self.model[gone.address].earliest else "expired"
            self.check_remains(gone, "expired" if expired else by_itself)  # a child goes as its parent does
        if parent is not None:
            parent.use(self.now)
        for address in self.family(access.address)[1:]:
            del self.model[address]
        found.ended = self.now
        found.values.clear()

    @precondition(lambda self: self.model)
    @rule(which=st.integers(0, 1), limit=st.sampled_from([1, 2, 1000]))
    def purge(self, which: int, limit: int) -> None:
        """Of what may have been purged in passing, nobody is told; of all else, somebody once."""
        remains = self.loop.run_until_complete(self.stores[which].purge_expired(limit, values=True))
        for gone in remains:
            self.check_remains(gone, "expired")
        told = [gone.address for gone in remains]
        assert len(told) == len(set(told))
        if limit == 1000:
            assert self.due(GRACE_SECONDS) <= set(told)
        assert set(told) <= self.due()
        for address in told:
            if address not in self.model:
                continue
            self.model[address].purged = True
            for child in self.family(address)[1:]:
                assert child in told or self.model[child].purged or self.model[child].ended is not None
                del self.model[child]

    def check_remains(self, gone: Remains, reason: str) -> None:
        """Of a session that expired, a value whose time was over afterwards may be there or not."""
        found = self.model[gone.address]
        assert (gone.owner, gone.reason, gone.version) == (found.owner, reason, found.version.number)
        certain = {key: value for key, value in found.values.items() if found.untils.get(key, inf) > self.now}
        assert certain.items() <= gone.values.items() <= found.values.items()
        assert reason == "expired" or gone.values == certain

    @rule(which=st.integers(0, 1), schema=st.sampled_from([None, "cart"]), owner=st.sampled_from([None, "me"]))
    def scan(self, which: int, schema: str | None, owner: str | None) -> None:
        """All live sessions are listed once, whatever the pages; children of dead parents may be among them."""
        listed: list[Listed] = []
        page = Page((), "")
        while page.cursor or not listed:
            asked = self.stores[which].scan(schema=schema, owner=owner, limit=2, cursor=page.cursor)
            page = self.loop.run_until_complete(asked)
            listed += page.sessions
            if not page.cursor:
                break
        by_itself = {address: found for address, found in self.model.items() if self.is_live(address)}
        wanted = {a: f for a, f in by_itself.items() if schema in (None, a.schema) and owner in (None, f.owner)}
        assert sorted(map(str, (one.address for one in listed))) == sorted(map(str, wanted)), "the order is the store's"
        for one in listed:
            assert one.owner == wanted[one.address].owner
            looked_up = self.loop.run_until_complete(self.stores[which].look_up(one.address))
            parent = Address("transport", one.address.id, TRANSPORT_SCHEMA)
            orphan = self.is_child(one.address) and not self.is_live(parent)
            if orphan:
                assert looked_up is None
            else:  # values whose time is over may be removed in passing, after the listing
                assert replace(looked_up, info=replace(looked_up.info, size=one.info.size)) == one

    def is_live(self, address: Address) -> bool:
        found = self.model.get(address)
        return found is not None and found.ended is None and self.now < found.earliest

    @rule(which=st.integers(0, 1), access=ACCESSES, most=st.integers(1, 4))
    def limited(self, which: int, access: Access, most: int) -> None:
        """A session may begin while there is room; those that expired may count until they are purged."""
        parent, refusal = self.parent(access)
        former = self.model.get(access.address)
        if refusal or (former is not None and self.now < self.over(former) + TOMBSTONE_SECONDS):
            return
        counted = {a: f for a, f in self.model.items() if not self.is_child(a) and f.ended is None and not f.purged}
        live = sum(self.is_live(address) for address in counted)
        mine = sum(self.is_live(address) and found.owner == access.owner for address, found in counted.items())
        for limits, least, count in (
            (Limits(all_sessions=most), live, len(counted)),
            (Limits(owner_sessions=most), mine, sum(f.owner == access.owner for f in counted.values())),
        ):
            asked = self.stores[which].create(replace(access, limits=limits), Lifetime(IDLE))
            try:
                self.loop.run_until_complete(asked)
            except TooManySessionsError:
                assert count >= most
                assert not self.is_child(access.address)
            else:
                assert least < most or self.is_child(access.address)
                if parent is not None:
                    parent.use(self.now)
                self.begin(access, Lifetime(IDLE))
                return

    def due(self, grace: float | None = None) -> set[Address]:
        """Return the sessions that purging is to remove; with ``grace``, that no store has removed in passing."""
        heads = {
            address
            for address, found in self.model.items()
            if found.ended is None and not found.purged and self.now >= found.latest
            if grace is None or self.now < found.earliest + grace
        }
        members = {address for head in heads for address in self.family(head)}
        return {a for a in members if not self.model[a].purged and self.model[a].ended is None}

    @staticmethod
    def ttls(ttl: float | None, *keys: str) -> dict[str, float]:
        return {} if ttl is None else dict.fromkeys(keys, ttl)

    def apply(
        self, access: Access, values: dict[str, bytes] | None, changes: dict[str, bytes | None], ttl: float | None
    ) -> None:
        if values is None:
            return
        untils = self.model[access.address].untils
        for key, value in changes.items():
            untils.pop(key, None)
            self.model[access.address].over_bytes.pop(key, None)
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value
                if ttl is not None:
                    untils[key] = self.now + ttl


def run(examples: int, **about: object) -> None:
    machine = type("Machine", (StoreMachine,), about)
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=40, deadline=None))


@pytest.mark.parametrize(("kind", "examples"), [("memory", 60), ("sqlite", 30)])
@pytest.mark.parametrize("encrypted", [False, True])
def test_a_store_does_what_plain_dictionaries_would(kind: str, examples: int, encrypted: bool) -> None:
    run(examples, kind=kind, encrypted=encrypted)


@pytest.mark.parametrize("partitions", ["1", "3"])
def test_the_store_in_a_redis_server_does_so_too(partitions: str, valkey: ValkeyServer) -> None:
    run(20, kind=partitions, url=valkey.url)


def test_an_encrypted_store_in_a_redis_server_does_so_too(valkey: ValkeyServer) -> None:
    run(20, kind="1", url=valkey.url, encrypted=True)


def test_the_store_in_any_key_value_store_does_so_too() -> None:
    run(40, kind="key-value")


def test_the_store_in_a_key_value_store_on_a_server_does_so_too(valkey: ValkeyServer) -> None:
    run(15, kind="key-value", url=valkey.url)


def test_the_store_in_postgresql_does_so_too(postgres: PostgresServer) -> None:
    run(30, kind="postgres", postgres=postgres)
