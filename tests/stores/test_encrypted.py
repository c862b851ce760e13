"""What the encrypted store promises besides the contract: what is hidden, what is noticed, and what it costs."""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client
from mcp.server import MCPServer
from tests.stores.conftest import STORE_KEY
from tests.stores.test_sqlite_processes import finish, start

from mcp_sessions import (
    SessionConflictError,
    SessionDataError,
    SessionTooLargeError,
    StoreError,
    UntypedSession,
    attempts,
)
from mcp_sessions.events import events_of, missed
from mcp_sessions.server import Sessions
from mcp_sessions.stores import (
    Access,
    Address,
    Lifetime,
    Limits,
    MemoryStore,
    SchemaVersion,
    SessionCopy,
    SessionInfo,
    SQLiteStore,
    Store,
)
from mcp_sessions.stores.encrypted import EncryptedStore, new_key
from mcp_sessions.stores.encrypted.sealing import OVERHEAD, UNREADABLE, Seals
from mcp_sessions.testing import FakeClock

LIVES = Lifetime(600.0)
OTHER_KEY = b"\x07" * 32
SECRET = b'"the password is swordfish"'
OPERATIONS: dict[str, Callable[[Store, Access], Awaitable[object]]] = {
    "read": lambda store, access: store.read(access),
    "compare-and-set": lambda store, access: store.write(access, {"a": b"1"}, {"a": SECRET}),
    "increment": lambda store, access: store.increment(access, "a", 1, b"0"),
    "append": lambda store, access: store.append(access, "a", [b"1"], b"[]"),
}


@pytest.fixture
def inside(clock: FakeClock) -> MemoryStore:
    return MemoryStore(clock=clock)


@pytest.fixture
async def session(inside: MemoryStore, access: Access) -> Access:
    await inside.create(access, LIVES)
    return access


@pytest.fixture
def sealed(inside: MemoryStore) -> EncryptedStore:
    return EncryptedStore(inside, [STORE_KEY])


# What is hidden ---------------------------------------------------------------------------------------------------


async def test_no_value_is_in_the_files(sqlite_path: Path, access: Access) -> None:
    store = EncryptedStore(SQLiteStore(sqlite_path), [STORE_KEY])
    await store.create(access, LIVES, {"a": SECRET})
    await store.write(access, {"b": SECRET})
    await store.write(access, {"c": SECRET}, {"a": SECRET})
    await store.append(access, "l", [SECRET], b"[]")
    await store.increment(access, "n", 1234567890123, b"0")
    written = b"".join(path.read_bytes() for path in sqlite_path.parent.glob(sqlite_path.name + "*"))
    await store.aclose()
    written += sqlite_path.read_bytes()
    assert access.address.id.encode() in written
    for hidden in (b"password", b"swordfish", b"1234567890123", STORE_KEY):
        assert hidden not in written
    again = EncryptedStore(SQLiteStore(sqlite_path), [STORE_KEY])
    assert await again.read(access, ["a", "b", "c", "n"]) == {**dict.fromkeys("abc", SECRET), "n": b"1234567890123"}
    await again.aclose()


async def test_the_same_value_never_looks_the_same(
    inside: MemoryStore, sealed: EncryptedStore, session: Access
) -> None:
    seen = set()
    for _ in range(100):
        await sealed.write(session, {"a": SECRET, "b": SECRET})
        seen |= set((await inside.read(session)).values())
    assert len(seen) == 200


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text())), st.text())
def test_no_json_text_is_taken_for_a_sealed_value(value: object, spaces: str) -> None:
    seals = Seals([STORE_KEY], reads_plaintext=True)
    address = Address("handle", "1", "cart")
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False), spaces):
        kept = text.encode()
        assert seals.opened(address, "a", kept) == kept
        made = seals.sealed(address, "a", kept)
        assert len(made) == len(kept) + OVERHEAD
        assert seals.opened(address, "a", made) == kept
        with pytest.raises(UnicodeDecodeError):
            made[:1].decode()


# What is noticed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize(
    "other",
    [
        Address("handle", "cart_1", "notes"),
        Address("handle", "cart_2", "cart"),
        Address("user", "cart_1", "cart"),
        Address("handle", 'cart_1", "cart', ""),
    ],
    ids=str,
)
async def test_a_value_does_not_open_in_another_session(
    inside: MemoryStore,
    sealed: EncryptedStore,
    session: Access,
    other: Address,
    operation: Callable[[Store, Access], Awaitable[object]],
) -> None:
    elsewhere = replace(session, address=other)
    await sealed.create(elsewhere, LIVES, {"a": SECRET})
    await inside.write(session, dict(await inside.read(elsewhere)))
    before = await inside.read(session)
    with pytest.raises(SessionDataError, match="what the store holds for 'a' does not open") as raised:
        await operation(sealed, session)
    assert raised.value.__cause__ is None
    assert await inside.read(session) == before


async def test_two_values_that_change_places_do_not_open(
    inside: MemoryStore, sealed: EncryptedStore, session: Access
) -> None:
    await sealed.write(session, {"a": b"1", "b": b"2", "c": b"3"})
    kept = await inside.read(session)
    await inside.write(session, {"a": kept["b"], "b": kept["a"]})
    for key in "ab":
        with pytest.raises(SessionDataError):
            await sealed.read(session, [key])
    with pytest.raises(SessionDataError):
        await sealed.read(session)
    assert await sealed.read(session, ["c"]) == {"c": b"3"}
    assert await sealed.names(session) == ["a", "b", "c"]


@pytest.mark.parametrize("value", [b"", b"1", SECRET])
def test_whichever_bit_is_flipped_and_wherever_it_is_cut(value: bytes) -> None:
    seals, address = Seals([STORE_KEY], reads_plaintext=False), Address("handle", "1", "cart")
    kept = seals.sealed(address, "a", value)
    damaged = [kept[:length] for length in range(len(kept))] + [kept + b"\0", kept + kept]
    for place in range(len(kept)):
        for bit in range(8):
            damaged.append(kept[:place] + bytes([kept[place] ^ (1 << bit)]) + kept[place + 1 :])
    for one in damaged:
        with pytest.raises(StoreError if _has_another_key(one, kept) else SessionDataError):
            seals.opened(address, "a", one)
        assert seals.last_seen(address, "a", one) == UNREADABLE


def _has_another_key(one: bytes, kept: bytes) -> bool:
    return len(one) >= OVERHEAD and one[:2] == kept[:2] and one[2:10] != kept[2:10]


async def test_what_does_not_open_can_be_removed_overwritten_and_ended(
    inside: MemoryStore, sealed: EncryptedStore, session: Access, clock: FakeClock
) -> None:
    await sealed.write(session, {"good": b"1"})
    await inside.write(session, dict.fromkeys("abcd", b"\xfa\x01" + bytes(60)) | {"plain": b"1"})
    assert await sealed.remove(session, "a") == UNREADABLE
    assert await sealed.remove(session, "a") is None
    assert await sealed.remove(session, "plain") == UNREADABLE, "nobody can make a value up"
    await sealed.write(session, {"b": b"2"})
    assert await sealed.read(session, ["b"]) == {"b": b"2"}
    [gone] = await sealed.end(session, values=True)
    assert gone.values == {"good": b"1", "b": b"2", "c": UNREADABLE, "d": UNREADABLE}
    assert await sealed.end(session, values=True) == []

    other = replace(session, address=replace(session.address, id="cart_2"))
    await sealed.create(other, LIVES, {"good": b"1"})
    await inside.write(other, {"a": b"\xfa"})
    clock.advance(LIVES.idle * 2)
    [gone] = await sealed.purge_expired(values=True)
    assert gone.values == {"good": b"1", "a": UNREADABLE}


async def test_an_accessor_says_so_and_never_takes_it_for_unset(inside: MemoryStore, sealed: EncryptedStore) -> None:
    cart = await UntypedSession.create(sealed)
    await cart.set("a", "text")
    access = Access(Address("handle", cart.id, "session"))
    [kept] = (await inside.read(access)).values()
    await inside.write(access, {"a": kept[:-1] + bytes([kept[-1] ^ 1])})
    for attempt in (cart.get("a"), cart.take("a"), cart.update("a", str), cart.snapshot(), cart.has("a")):
        with pytest.raises(SessionDataError, match="does not open"):
            await attempt
    assert await cart.keys() == ["a"]
    assert await cart.remove("a")
    assert await cart.get("a") is None


async def test_who_forgot_the_encryption_is_told_so(inside: MemoryStore, sealed: EncryptedStore) -> None:
    cart = await UntypedSession.create(sealed)
    await cart.set("a", 1)
    access = Access(Address("handle", cart.id, "session"))
    bare = UntypedSession.open(inside, cart.id)
    for attempt in (bare.get("a"), bare.update("a", str), bare.snapshot()):
        with pytest.raises(
            SessionDataError, match="it is encrypted, and the server has to open its store with Encrypted"
        ):
            await attempt
    for operation in ("increment", "append"):
        with pytest.raises(SessionDataError, match="but something encrypted, which EncryptedStore can open"):
            await OPERATIONS[operation](inside, access)
    await inside.write(access, {"a": UNREADABLE})  # what hooks get of a value that does not open, without being told
    with pytest.raises(SessionDataError, match="invalid JSON"):
        await bare.get("a")


async def test_an_event_that_does_not_open_is_a_failure_of_the_store_that_names_no_event(
    inside: MemoryStore, sealed: EncryptedStore
) -> None:
    transport = Access(Address("transport", "t", ""), "me")
    event = "0000000001-" + "ab" * 16
    await sealed.create(transport, LIVES)
    await sealed.write(events_of(transport, begin=True), {event: b"[]"})
    await inside.write(events_of(transport), {event: b"[]"})
    with pytest.raises(StoreError, match="events cannot be read") as raised:
        await missed(sealed, transport, event)
    assert event not in str(raised.value)


# Keys -------------------------------------------------------------------------------------------------------------


async def test_the_first_key_seals_and_all_of_them_open(inside: MemoryStore, session: Access) -> None:
    old, new = new_key(), new_key()
    await EncryptedStore(inside, [old]).write(session, {"a": b"1", "b": b"1", "l": b"[]"})
    await EncryptedStore(inside, [old, new]).write(session, {"b": b"2"})
    rotated = EncryptedStore(inside, [new, old])
    assert await rotated.read(session) == {"a": b"1", "b": b"2", "l": b"[]"}
    assert await rotated.increment(session, "a", 1, b"0") == b"2"
    await rotated.append(session, "l", [b"1"], b"[]")
    assert await rotated.write(session, {"b": b"3"}, {"b": b"2"}) is None
    assert await EncryptedStore(inside, [new]).read(session) == {"a": b"2", "b": b"3", "l": b"[1]"}


async def test_a_key_that_is_lost_is_an_error_of_the_store_that_names_it(inside: MemoryStore, session: Access) -> None:
    lost = new_key()
    await EncryptedStore(inside, [lost]).write(session, {"a": b"1", "b": b"1"})
    store = EncryptedStore(inside, [OTHER_KEY])
    key_id = (await inside.read(session))["a"][2:10].hex()
    for operation in OPERATIONS.values():
        with pytest.raises(StoreError, match=f"sealed with the key {key_id}, which is not among") as raised:
            await operation(store, session)
        raw = base64.urlsafe_b64decode(lost + "=")
        for shown in (lost, raw.hex(), repr(raw), OTHER_KEY.hex()):
            assert shown not in f"{raised.value!r}{store!r}{vars(store)!r}"
    assert await store.names(session) == ["a", "b"]
    assert await store.remove(session, "a") == UNREADABLE
    await store.write(session, {"b": b"2"})
    assert await store.read(session) == {"b": b"2"}


async def test_a_key_in_bytes_and_as_text_is_the_same(inside: MemoryStore, session: Access) -> None:
    text = base64.urlsafe_b64encode(OTHER_KEY).decode()
    await EncryptedStore(inside, [OTHER_KEY]).write(session, {"a": b"1"})
    for key in (text, text.rstrip("="), f"\n{text}\n"):
        assert await EncryptedStore(inside, [key]).read(session) == {"a": b"1"}
    with pytest.raises(ValueError, match="the same key is there twice"):
        EncryptedStore(inside, [OTHER_KEY, text])
    assert len({new_key() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("keys", "error", "said"),
    [
        ([], ValueError, "there is no key to seal with"),
        ("A" * 43, TypeError, "keys is a list of keys, of which the first seals; got str"),
        (STORE_KEY, TypeError, "got bytes"),
        (None, TypeError, "got NoneType"),
        ({STORE_KEY}, TypeError, "got set"),
        ([STORE_KEY, None], TypeError, "key 2 is a NoneType; a key is 32 random bytes, or their base64url"),
        ([bytearray(32)], TypeError, "key 1 is a bytearray"),
        ([bytes(16)], ValueError, "key 1 has 16 bytes"),
        (["sesame"], ValueError, "key 1 is text that is no key"),
        ([base64.b64encode(b"\xff" * 32).decode()], ValueError, "key 1 is text that is no key"),
        ([""], ValueError, "key 1 is text"),
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(keys: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said) as raised:
        EncryptedStore(MemoryStore(), keys)
    assert "sesame" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_other_arguments_are_checked_too() -> None:
    wrong: Any = "maybe"
    with pytest.raises(ValueError, match='plaintext is "refuse" or "read"; got \'maybe\''):
        EncryptedStore(MemoryStore(), [STORE_KEY], plaintext=wrong)
    url: Any = "memory://"
    with pytest.raises(TypeError, match="such as open_store"):
        EncryptedStore(url, [STORE_KEY])


# Switching it on --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
async def test_what_is_not_encrypted_is_refused(
    inside: MemoryStore,
    sealed: EncryptedStore,
    session: Access,
    operation: Callable[[Store, Access], Awaitable[object]],
) -> None:
    await inside.write(session, {"a": SECRET})
    with pytest.raises(SessionDataError, match=r"for 'a' is not encrypted; .* plaintext='read'") as raised:
        await operation(sealed, session)
    assert "swordfish" not in str(raised.value)
    assert await inside.read(session) == {"a": SECRET}


async def test_or_read_and_encrypted_when_it_is_next_written(inside: MemoryStore, session: Access) -> None:
    await inside.write(session, {"a": SECRET, "n": b"1", "l": b"[1]", "c": b"1", "kept": b"1"})
    store = EncryptedStore(inside, [STORE_KEY], plaintext="read")
    assert await store.read(session, ["a", "n"]) == {"a": SECRET, "n": b"1"}
    await store.write(session, {"a": SECRET})
    assert await store.increment(session, "n", 1, b"0") == b"2"
    await store.append(session, "l", [b"2"], b"[]")
    assert await store.write(session, {"c": b"2"}, {"c": b"0"}) == {"c": b"1"}
    assert await store.write(session, {"c": b"2"}, {"c": b"1"}) is None
    assert await store.read(session) == {"a": SECRET, "n": b"2", "l": b"[1,2]", "c": b"2", "kept": b"1"}
    assert {key for key, kept in (await inside.read(session)).items() if kept.startswith(b"\xfa")} == set("anlc")


async def test_what_was_encrypted_is_still_guarded_then(inside: MemoryStore, session: Access) -> None:
    store = EncryptedStore(inside, [STORE_KEY], plaintext="read")
    await store.write(session, {"a": b"1"})
    await inside.write(session, {"b": (await inside.read(session))["a"]})
    with pytest.raises(SessionDataError):
        await store.read(session, ["b"])


# What it costs, and what comes between ----------------------------------------------------------------------------


class Between(MemoryStore):
    """Counts what is asked, and does something before writes that compare."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.meddle: Callable[[], Awaitable[object]] | None = None

    def __getattribute__(self, name: str) -> Any:
        if name in ("create", "touch", "read", "names", "write", "remove", "clear", "increment", "append", "end"):
            self.asked[name] += 1
        return super().__getattribute__(name)

    async def write(self, access: Access, changes: Any, expected: Any = None, ttls: Any = None) -> Any:
        if expected and self.meddle is not None:
            await self.meddle()
        return await super().write(access, changes, expected, ttls)

    async def migrate(self, copy: SessionCopy, version: SchemaVersion, changes: Any, untils: Any) -> bool:
        if self.meddle is not None:
            await self.meddle()
        return await super().migrate(copy, version, changes, untils)


@pytest.fixture
def between() -> Between:
    return Between()


async def test_round_trips(between: Between, access: Access) -> None:
    store = EncryptedStore(between, [STORE_KEY])
    wanted: list[tuple[Callable[[], Awaitable[object]], dict[str, int]]] = [
        (lambda: store.create(access, LIVES, {"a": b"1"}), {"create": 1}),
        (lambda: store.read(access, ["a"]), {"read": 1}),
        (lambda: store.read(access), {"read": 1}),
        (lambda: store.write(access, {"a": b"1", "b": b"2", "c": None}), {"write": 1}),
        (lambda: store.write(access, {"a": b"1"}, {}), {"write": 1}),
        (lambda: store.write(access, {"a": b"2"}, {"a": b"1"}), {"read": 1, "write": 1}),
        (lambda: store.write(access, {"a": b"2"}, {"a": b"1"}), {"read": 1}),
        (lambda: store.increment(access, "n", 1, b"0"), {"read": 1, "write": 1}),
        (lambda: store.append(access, "l", [b"1"], b"[]"), {"read": 1, "write": 1}),
        (lambda: store.append(access, "l", [], b"[]"), {"read": 1, "write": 1}),
        (lambda: store.remove(access, "a"), {"remove": 1}),
        (lambda: store.names(access), {"names": 1}),
        (lambda: store.touch(access), {"touch": 1}),
        (lambda: store.clear(access), {"clear": 1}),
        (lambda: store.end(access, values=True), {"end": 1}),
    ]
    for operation, trips in wanted:
        between.asked.clear()
        await operation()
        assert between.asked == trips


async def test_compare_and_set_goes_on_when_only_the_ciphertext_changed(between: Between, access: Access) -> None:
    store, other = EncryptedStore(between, [STORE_KEY]), EncryptedStore(between, [STORE_KEY])
    await store.create(access, LIVES, {"a": b"1"})
    rewrites = iter(range(3))

    async def rewrite() -> None:
        if next(rewrites, None) is not None:
            await other.write(access, {"a": b"1"})

    between.meddle = rewrite
    assert await store.write(access, {"a": b"2"}, {"a": b"1"}) is None
    assert await store.read(access) == {"a": b"2"}
    assert next(rewrites, None) is None


async def test_compare_and_set_tells_what_came_between_in_plain(between: Between, access: Access) -> None:
    store, other = EncryptedStore(between, [STORE_KEY]), EncryptedStore(between, [STORE_KEY])
    await store.create(access, LIVES, {"a": b"1", "c": b"3"})
    between.meddle = lambda: other.remove(access, "a")
    between.asked.clear()
    assert await store.write(access, {"a": b"2"}, {"a": b"1", "c": b"3"}) == {"a": None, "c": b"3"}
    assert between.asked == {"read": 1, "write": 1, "remove": 1}


async def test_who_is_beaten_a_hundred_times_gets_a_conflict(
    between: Between, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "ATTEMPTS", 3)
    store, other = EncryptedStore(between, [STORE_KEY]), EncryptedStore(between, [STORE_KEY])
    await store.create(access, LIVES, {"a": b"1"})
    between.meddle = lambda: other.write(access, {"a": b"1"})
    for attempt in (store.increment(access, "a", 1, b"0"), store.write(access, {"a": b"2"}, {"a": b"1"})):
        with pytest.raises(SessionConflictError, match="other writers came first 3 times in a row; nothing was"):
            await attempt
    assert await store.read(access) == {"a": b"1"}


async def test_a_migration_is_not_done_if_others_came_between(between: Between, access: Access) -> None:
    store, other = EncryptedStore(between, [STORE_KEY]), EncryptedStore(between, [STORE_KEY])
    await store.create(access, LIVES, {"a": b"1"})
    copy = await store.copy_out(access.address)
    assert copy is not None
    for value in (b"1", b"2"):
        between.meddle = partial(other.write, access, {"a": value})
        assert not await store.migrate(copy, SchemaVersion(2), {"a": b"5"}, {}), "not even with the same value"
    between.meddle = None
    assert not await store.migrate(copy, SchemaVersion(2), {"a": b"5"}, {})
    assert await store.migrate(replace(copy, values={"a": b"2"}), SchemaVersion(2), {"a": b"5", "b": b"6"}, {})
    assert await store.read(access) == {"a": b"5", "b": b"6"}


async def test_a_value_that_was_written_as_it_was_before_a_migration_is_the_same(
    sealed: EncryptedStore, access: Access
) -> None:
    await sealed.create(access, LIVES, {"a": b"1"})
    copy = await sealed.copy_out(access.address)
    assert copy is not None
    await sealed.write(access, {"a": b"1"})
    assert await sealed.migrate(copy, SchemaVersion(2), {"a": b"2"}, {})


async def test_what_does_not_open_is_not_migrated(inside: MemoryStore, sealed: EncryptedStore, access: Access) -> None:
    await sealed.create(access, LIVES, {"a": b"1", "b": b"2"})
    copy = await sealed.copy_out(access.address)
    assert copy is not None
    kept = await inside.read(access)
    await inside.write(access, {"a": kept["b"]})
    with pytest.raises(SessionDataError, match="does not open"):
        await sealed.migrate(copy, SchemaVersion(2), {"a": b"5"}, {})
    assert (await inside.touch(access)).version == 1


async def test_a_session_that_begins_between_is_not_begun_twice(between: Between, access: Access) -> None:
    told: list[SessionInfo] = []
    beginner = replace(access, address=Address("user", "u", "cart"), begin=LIVES, began=told.append)
    store, other = EncryptedStore(between, [STORE_KEY]), EncryptedStore(between, [STORE_KEY])

    async def begin() -> None:
        between.meddle = None
        await other.write(beginner, {"n": b"5"})

    between.meddle = begin
    assert await store.increment(beginner, "n", 1, b"0") == b"6"
    assert len(told) == 1
    await store.end(beginner)
    await store.append(beginner, "l", [], b"[]")
    assert len(told) == 2
    assert await store.read(beginner) == {}


async def test_no_increment_is_lost_between_processes(sqlite_path: Path) -> None:
    access = Access(Address("handle", "1", "cart"), "me")
    store = EncryptedStore(SQLiteStore(sqlite_path), [STORE_KEY])
    await store.create(access, LIVES)
    script = """
        from mcp_sessions.stores.encrypted import EncryptedStore

        async def main():
            store = EncryptedStore(SQLiteStore(path), [bytes(range(32))])
            async def caller():
                for _ in range(10):
                    await store.increment(access, "n", 1, b"0")
                    await store.append(access, "l", [b"1"], b"[]")
            await asyncio.gather(*(caller() for _ in range(5)))
            await store.aclose()
        asyncio.run(main())
    """
    for process in [start(script, sqlite_path) for _ in range(4)]:
        finish(process)
    assert await store.read(access) == {"n": b"200", "l": b"[" + b",".join([b"1"] * 200) + b"]"}
    await store.aclose()


async def test_a_caller_that_gives_up_while_it_waits_keeps_nobody_from_closing(sqlite_path: Path) -> None:
    access = Access(Address("handle", "1", "cart"), "me")
    store = EncryptedStore(SQLiteStore(sqlite_path), [STORE_KEY])
    await store.create(access, LIVES)
    calls = [asyncio.ensure_future(store.increment(access, "n", 1, b"0")) for _ in range(20)]
    await asyncio.sleep(0)
    for call in calls[1:]:
        call.cancel()
    await store.aclose()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert results[0] == b"1"
    assert all(isinstance(result, asyncio.CancelledError) for result in results[1:])
    with pytest.raises(StoreError, match="closed"):
        await store.increment(access, "n", 1, b"0")


# Where it differs from the contract -------------------------------------------------------------------------------


async def size(store: Store, access: Access) -> int:
    return (await store.touch(access)).size


async def test_the_size_of_a_session_counts_a_seal_for_each_value(sealed: EncryptedStore, access: Access) -> None:
    assert OVERHEAD == 38, "as EncryptedStore and docs/encryption.md say"
    assert (await sealed.create(access, LIVES, {"é": b"12"})).size == 4 + 38
    await sealed.write(access, {"a": b"123", "é": b"1"})
    await sealed.increment(access, "a", 1000, b"0")
    await sealed.append(access, "l", [b"1", b"2"], b"[]")
    assert await size(sealed, access) == 3 + 5 + 6 + 3 * 38
    [listed] = (await sealed.scan()).sessions
    assert listed.info.size == 3 + 5 + 6 + 3 * 38
    assert await sealed.look_up(access.address) == listed
    await sealed.remove(access, "a")
    assert await size(sealed, access) == 3 + 6 + 2 * 38
    await sealed.clear(access)
    assert await size(sealed, access) == 0


async def test_so_does_the_size_of_a_migrated_session(sealed: EncryptedStore, access: Access) -> None:
    await sealed.create(access, LIVES, {"a": b"1", "b": b"2"})
    copy = await sealed.copy_out(access.address)
    assert copy is not None
    assert await sealed.migrate(copy, SchemaVersion(2), {"a": None, "b": b"22", "c": b"333"}, {})
    assert await size(sealed, access) == 3 + 4 + 2 * 38


async def test_so_the_limit_of_a_session_does_too(sealed: EncryptedStore, access: Access) -> None:
    limited = replace(access, limits=Limits(session_bytes=50))
    await sealed.create(limited, LIVES, {"a": b"1" * 11})
    with pytest.raises(SessionTooLargeError, match="the session as a whole would have 51 bytes, and 50 are allowed"):
        await sealed.write(limited, {"a": b"1" * 12})
    await sealed.write(limited, {"a": b"1" * 10})


@pytest.mark.parametrize("kind", ["memory", "sqlite", "redis", "postgres"])
@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("write", ({"a": b"1" * 11},)),
        ("write", ({"fine": b"1", "a": b"1" * 11},)),
        ("write", ({"a": b"1" * 11}, {"b": None})),
        ("increment", ("n", 10**10, b"9")),
        ("append", ("l", [b"1234"], b"[1234]")),
        ("create", (LIVES, {"a": b"1" * 11})),
    ],
)
async def test_but_the_limit_of_a_value_is_that_of_the_value(
    make_store: Callable[..., Store], kind: str, operation: str, arguments: tuple[Any, ...]
) -> None:
    store = EncryptedStore(make_store(kind), [STORE_KEY])
    limits = Limits(value_bytes=10)
    access = Access(Address("handle", "cart_1", "cart"), "me", limits=limits)
    other = replace(access, address=replace(access.address, id="cart_2")) if operation == "create" else access
    await store.create(access, LIVES, {"a": b"1" * 10})
    with pytest.raises(SessionTooLargeError, match=r"the value of '[anl]' would have 11 bytes, and 10 are allowed"):
        await getattr(store, operation)(other, *arguments)
    assert await store.read(access) == {"a": b"1" * 10}
    await store.aclose()


async def test_a_refusal_for_what_was_read_is_a_use_of_the_session(
    sealed: EncryptedStore, access: Access, clock: FakeClock
) -> None:
    await sealed.create(access, LIVES, {"a": b'"text"'})
    clock.advance(LIVES.idle * 0.9)
    with pytest.raises(SessionDataError):
        await sealed.increment(access, "a", 1, b"0")
    clock.advance(LIVES.idle * 0.9)
    assert await sealed.read(access) == {"a": b'"text"'}


# In a server ------------------------------------------------------------------------------------------------------


async def test_a_server_works_on_it_and_its_hooks_get_what_there_was(sqlite_path: Path) -> None:
    store = EncryptedStore(SQLiteStore(sqlite_path), [new_key()])
    sessions = Sessions(store, schemas=[UntypedSession])
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")
    last: list[object] = []

    @server.tool()
    async def remember(value: str, session: UntypedSession) -> str:
        """Keep a text."""
        async with session.transaction() as draft:
            draft["said"] = value
        return str(await session.update("count", lambda count: (count or 0) + 1))

    @sessions.on_end(UntypedSession)
    async def over(session: UntypedSession, reason: str) -> None:
        last.append((await session.snapshot(), reason))

    for mode in ("auto", "legacy"):
        async with Client(server, mode=mode) as client:
            made = (await client.call_tool("create_session", {})).structured_content or {}
            handle = {"session": made["session"]}
            for value in ("swordfish", "swordfish again"):
                assert not (await client.call_tool("remember", {"value": value, **handle})).is_error
            assert not (await client.call_tool("end_session", handle)).is_error
    assert last == [({"said": "swordfish again", "count": 2}, "ended")] * 2
    await sessions.aclose()
    await store.aclose()
    assert b"swordfish" not in sqlite_path.read_bytes()
