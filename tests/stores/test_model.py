"""Random operations on two handles to one store, against plain dictionaries and the contract's own words."""

import asyncio
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from mcp_sessions.stores import (
    SLIDE_STEP,
    TOMBSTONE_SECONDS,
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Lifetime,
    MemoryStore,
    NotLiveError,
    SessionExistsError,
    SQLiteStore,
    Store,
)

IDLE, LONGEST = 100.0, 500.0
KEYS = st.sampled_from(["a", "b", "é\0"])
VALUES = st.integers(-5, 5).map(lambda number: str(number).encode())
ACCESSES = st.builds(
    Access,
    st.builds(
        Address,
        st.sampled_from(["handle", "transport"]),
        st.sampled_from(["1", "2"]),
        st.sampled_from(["cart", "notes"]),
    ),
    st.sampled_from(["me", "you"]),
    st.sampled_from([None, None, Lifetime(IDLE), Lifetime(IDLE, LONGEST)]),
)


class Model:
    """One session as the contract describes it; only how late the expiry may run is the store's to choose."""

    def __init__(self, schema: str, owner: str | None, lifetime: Lifetime, now: float) -> None:
        self.schema, self.owner, self.lifetime = schema, owner, lifetime
        self.created = now
        self.ended: float | None = None
        self.values: dict[str, dict[str, bytes]] = {}
        self.use(now)

    def use(self, now: float) -> None:
        end = float("inf") if self.lifetime.max is None else self.created + self.lifetime.max
        self.earliest = min(now + self.lifetime.idle, end)
        self.latest = min(now + self.lifetime.idle * (1 + SLIDE_STEP), end)


class StoreMachine(RuleBasedStateMachine):
    """Advances the clock only to moments at which the contract leaves no choice."""

    kind = "memory"

    @initialize()
    def open(self) -> None:
        self.now = 1_800_000_000.0
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.stores: list[Store] = []
        if self.kind == "memory":
            self.stores = [MemoryStore(clock=lambda: self.now)] * 2
        else:
            self.stores = [SQLiteStore(self.folder / "s.db", clock=lambda: self.now) for _ in range(2)]
        self.model: dict[tuple[str, str], Model] = {}

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        for store in self.stores:
            self.loop.run_until_complete(store.aclose())
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

    def find(self, access: Access) -> tuple[Model | None, str]:
        """Return the live session, or the reason why there is none."""
        found = self.model.get((access.address.space, access.address.id))
        if found is None or self.now >= self.over(found) + TOMBSTONE_SECONDS:
            return None, "unknown"
        if found.owner != access.owner or found.schema not in (access.address.schema, TRANSPORT_SCHEMA):
            return None, "foreign"
        if found.ended is not None:
            return None, "ended"
        return (found, "") if self.now < found.earliest else (None, "expired")

    def over(self, found: Model) -> float:
        return found.latest if found.ended is None else found.ended

    def expect(self, access: Access, *, begins: bool) -> tuple[dict[str, bytes] | None, str]:
        """Return the values that the operation works on, or the refusal that must come."""
        found, reason = self.find(access)
        if found is None:
            if access.begin is None or reason == "foreign":
                return None, "unknown" if reason == "foreign" else reason
            if not begins:
                return {}, ""
            schema = TRANSPORT_SCHEMA if access.address.space == "transport" else access.address.schema
            found = Model(schema, access.owner, access.begin, self.now)
            self.model[access.address.space, access.address.id] = found
        found.use(self.now)
        return found.values.setdefault(access.address.schema, {}), ""

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

    @rule(which=st.integers(0, 1), access=ACCESSES, shared=st.booleans(), max=st.sampled_from([None, LONGEST]))
    def create(self, which: int, access: Access, shared: bool, max: float | None) -> None:
        address = access.address
        schema = TRANSPORT_SCHEMA if shared and address.space == "transport" else address.schema
        access = Access(Address(address.space, address.id, schema), access.owner)
        former = self.model.get((address.space, address.id))
        answer = self.ask(which, "create", access, Lifetime(IDLE, max), {"a": b"1"})
        if former is not None and self.now < self.over(former) + TOMBSTONE_SECONDS:
            assert answer == "exists"
            return
        made = self.model[address.space, address.id] = Model(schema, access.owner, Lifetime(IDLE, max), self.now)
        made.values[schema] = {"a": b"1"}
        assert made.earliest <= answer.expires <= made.latest

    @rule(which=st.integers(0, 1), access=ACCESSES, change=st.booleans())
    def touch(self, which: int, access: Access, change: bool) -> None:
        lifetime = Lifetime(IDLE, LONGEST * 2) if change else None
        values, refusal = self.expect(access, begins=True)
        answer = self.ask(which, "touch", access, lifetime)
        if values is None:
            assert answer == refusal
            return
        found = self.model[access.address.space, access.address.id]
        if lifetime is not None:
            found.lifetime = lifetime
            found.use(self.now)
        assert found.earliest <= answer.expires <= found.latest
        assert answer.created == found.created

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

    @rule(which=st.integers(0, 1), access=ACCESSES, changes=st.dictionaries(KEYS, st.none() | VALUES))
    def write(self, which: int, access: Access, changes: dict[str, bytes | None]) -> None:
        values, refusal = self.expect(access, begins=True)
        answer = self.ask(which, "write", access, changes)
        assert answer == (refusal if values is None else None)
        self.apply(values, changes)

    @rule(
        which=st.integers(0, 1), access=ACCESSES, key=KEYS, value=VALUES, other=st.none() | VALUES, right=st.booleans()
    )
    def compare_and_set(
        self, which: int, access: Access, key: str, value: bytes, other: bytes | None, right: bool
    ) -> None:
        seen, refusal = self.expect(access, begins=False)
        held = None if seen is None else seen.get(key)
        expected = held if right else other
        answer = self.ask(which, "write", access, {key: value}, {key: expected})
        if seen is None:
            assert answer == refusal
        elif held != expected:
            assert answer == {key: held}
        else:
            assert answer is None
            self.apply(self.expect(access, begins=True)[0], {key: value})

    @rule(which=st.integers(0, 1), access=ACCESSES, key=KEYS)
    def remove(self, which: int, access: Access, key: str) -> None:
        values, refusal = self.expect(access, begins=False)
        assert self.ask(which, "remove", access, key) == (refusal if values is None else values.pop(key, None))

    @rule(which=st.integers(0, 1), access=ACCESSES)
    def clear(self, which: int, access: Access) -> None:
        values, refusal = self.expect(access, begins=False)
        assert self.ask(which, "clear", access) == (refusal if values is None else None)
        if values is not None:
            values.clear()

    @rule(which=st.integers(0, 1), access=ACCESSES, key=KEYS, by=st.integers(-3, 3))
    def increment(self, which: int, access: Access, key: str, by: int) -> None:
        values, refusal = self.expect(access, begins=True)
        answer = self.ask(which, "increment", access, key, by, b"10")
        if values is None:
            assert answer == refusal
        else:
            values[key] = str(int(values.get(key, b"10")) + by).encode()
            assert answer == values[key]

    @rule(which=st.integers(0, 1), access=ACCESSES, items=st.lists(VALUES))
    def append(self, which: int, access: Access, items: list[bytes]) -> None:
        values, refusal = self.expect(access, begins=True)
        assert self.ask(which, "append", access, "list", items, b"[0]") == (refusal if values is None else None)
        if values is not None and items:
            values["list"] = values.get("list", b"[0]")[:-1] + b"," + b",".join(items) + b"]"
            json.loads(values["list"])

    @rule(which=st.integers(0, 1), access=ACCESSES)
    def end(self, which: int, access: Access) -> None:
        found, _ = self.find(access)
        assert self.ask(which, "end", access) == (found is not None)
        if found is None:
            return
        if found.schema == TRANSPORT_SCHEMA:
            found.use(self.now)
            found.values.pop(access.address.schema, None)
        else:
            found.ended = self.now
            found.values.clear()

    @precondition(lambda self: self.model)
    @rule(which=st.integers(0, 1))
    def purge(self, which: int) -> None:
        self.ask(which, "purge_expired")

    @staticmethod
    def apply(values: dict[str, bytes] | None, changes: dict[str, bytes | None]) -> None:
        if values is None:
            return
        for key, value in changes.items():
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value


@pytest.mark.parametrize(("kind", "examples"), [("memory", 60), ("sqlite", 30)])
def test_a_store_does_what_plain_dictionaries_would(kind: str, examples: int) -> None:
    machine = type("Machine", (StoreMachine,), {"kind": kind})
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=40, deadline=None))
