"""What every store promises about values: each operation, on a session that is live."""

import asyncio
from dataclasses import replace
from typing import get_args

import pytest

from mcp_sessions.errors import (
    SessionDataError,
    StoreError,
)
from mcp_sessions.stores.base import (
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Lifetime,
    SessionExistsError,
    Space,
    Store,
)
from mcp_sessions.testing.contract.base import ContractBase

ODD_KEYS = [
    "",
    " ",
    "a b",
    "a'b",
    'a"b',
    "a;--",
    "%",
    "a\0b",
    "a\0",
    "\0",
    "ключ",
    "🛒",
    "é",
    "e\u0301",
    "x" * 5000,
    "NULL",
]


class Values(ContractBase):
    """Each operation, on a session that is live."""

    async def test_a_new_session_holds_the_values_it_was_created_with(self, store: Store, access: Access) -> None:
        await store.create(access, Lifetime(600.0), {"a": b"1", "b": b"null"})
        assert await store.read(access) == {"a": b"1", "b": b"null"}

    async def test_reading_gives_only_the_keys_that_were_asked_for_and_are_set(
        self, store: Store, session: Access
    ) -> None:
        await store.write(session, {"a": b"1", "b": b"2", "c": b"3"})
        assert await store.read(session, ["c", "a", "zzz", "a"]) == {"a": b"1", "c": b"3"}
        assert await store.read(session, []) == {}
        assert await store.read(session) == {"a": b"1", "b": b"2", "c": b"3"}

    async def test_names_are_those_of_the_set_keys_in_order(self, store: Store, session: Access) -> None:
        await store.write(session, {"b": b"1", "a": b"1", "Z": b"1", "é": b"1", "🛒": b"1", "\uffff": b"1"})
        await store.write(session, {"b": None})
        assert await store.names(session) == sorted(["a", "Z", "é", "🛒", "\uffff"])

    async def test_a_write_sets_and_unsets_together(self, store: Store, session: Access) -> None:
        await store.write(session, {"a": b"1", "b": b"2"})
        assert await store.write(session, {"a": None, "b": b"3", "never": None}) is None
        assert await store.read(session) == {"b": b"3"}

    async def test_what_the_caller_changes_afterwards_is_not_written(self, store: Store, session: Access) -> None:
        changes: dict[str, bytes | None] = {"a": b"1"}
        writing = asyncio.ensure_future(store.write(session, changes))
        await asyncio.sleep(0)
        changes["b"] = b"2"
        await writing
        assert await store.read(session) == {"a": b"1"}

    async def test_to_expect_nothing_is_to_write(self, store: Store, session: Access) -> None:
        assert await store.write(session, {"a": b"1"}, {}) is None
        assert await store.read(session) == {"a": b"1"}

    async def test_compare_and_set_writes_when_everything_is_as_expected(self, store: Store, session: Access) -> None:
        await store.write(session, {"a": b"1"})
        assert await store.write(session, {"a": b"2", "c": b"x"}, {"a": b"1", "b": None}) is None
        assert await store.read(session) == {"a": b"2", "c": b"x"}

    @pytest.mark.parametrize("expected", [{"a": b"0"}, {"a": None}, {"a": b"1", "b": b"1"}, {"b": b""}])
    async def test_compare_and_set_changes_nothing_otherwise(
        self, store: Store, session: Access, expected: dict[str, bytes | None]
    ) -> None:
        await store.write(session, {"a": b"1"})
        actual: dict[str, bytes | None] = {"a": b"1", "b": None}
        assert await store.write(session, {"a": b"2"}, expected) == {key: actual[key] for key in expected}
        assert await store.read(session) == {"a": b"1"}

    async def test_remove_returns_what_was_there_once(self, store: Store, session: Access) -> None:
        await store.write(session, {"a": b"1", "b": b"2"})
        assert await store.remove(session, "a") == b"1"
        assert await store.remove(session, "a") is None
        assert await store.read(session) == {"b": b"2"}

    async def test_clear_leaves_an_empty_session(self, store: Store, session: Access) -> None:
        await store.write(session, {"a": b"1", "b": b"2"})
        await store.clear(session)
        assert await store.read(session) == {}
        await store.write(session, {"c": b"3"})
        assert await store.read(session) == {"c": b"3"}

    async def test_increment_starts_from_initial_and_returns_the_sum(self, store: Store, session: Access) -> None:
        assert await store.increment(session, "n", 2, b"40") == b"42"
        assert await store.increment(session, "n", -43, b"40") == b"-1"
        assert await store.read(session) == {"n": b"-1"}

    async def test_whole_numbers_stay_exact_however_large(self, store: Store, session: Access) -> None:
        await store.write(session, {"n": str(10**300).encode()})
        assert await store.increment(session, "n", 1, b"0") == str(10**300 + 1).encode()
        assert await store.increment(session, "m", 2**53, b"1") == str(2**53 + 1).encode()

    async def test_fractions_add_as_floats(self, store: Store, session: Access) -> None:
        assert await store.increment(session, "x", 0.5, b"1") == b"1.5"
        assert await store.increment(session, "x", 1, b"1") == b"2.5"

    @pytest.mark.parametrize("held", [b'"1"', b"true", b"null", b"[1]", b"{}", b"", b"\xff", b"1 2", b"9" * 5000])
    async def test_what_is_no_number_is_neither_incremented_nor_lost(
        self, store: Store, session: Access, held: bytes
    ) -> None:
        await store.write(session, {"n": held})
        with pytest.raises(SessionDataError):
            await store.increment(session, "n", 1, b"0")
        assert await store.read(session) == {"n": held}

    async def test_a_sum_that_no_float_can_hold_is_refused(self, store: Store, session: Access) -> None:
        held = str(10**400).encode()
        await store.write(session, {"n": held})
        with pytest.raises(SessionDataError, match="more digits"):
            await store.increment(session, "n", 0.5, b"0")
        assert await store.read(session) == {"n": held}

    async def test_append_starts_from_initial_and_keeps_the_order(self, store: Store, session: Access) -> None:
        await store.append(session, "l", [b"1", b'"]"'], b"[]")
        await store.append(session, "l", [b"[]"], b"[7]")
        await store.append(session, "m", [b"2"], b"[1]")
        assert await store.read(session) == {"l": b'[1,"]",[]]', "m": b"[1,2]"}

    async def test_appending_nothing_leaves_an_unset_key_unset(self, store: Store, session: Access) -> None:
        await store.append(session, "l", [], b"[1]")
        assert await store.read(session) == {}

    @pytest.mark.parametrize("held", [b'"[]"', b"null", b"1", b"{}", b"", b"[", b"]", b"[1", b"\xff"])
    async def test_what_is_no_array_is_neither_appended_to_nor_lost(
        self, store: Store, session: Access, held: bytes
    ) -> None:
        await store.write(session, {"l": held})
        with pytest.raises(SessionDataError):
            await store.append(session, "l", [b"1"], b"[]")
        assert await store.read(session) == {"l": held}

    async def test_a_data_error_does_not_show_the_value(self, store: Store, session: Access) -> None:
        await store.write(session, {"n": b'"secret"'})
        with pytest.raises(SessionDataError) as raised:
            await store.increment(session, "n", 1, b"0")
        assert "secret" not in str(raised.value)
        assert "a string" in str(raised.value)

    @pytest.mark.parametrize("key", ODD_KEYS)
    async def test_any_text_is_a_key(self, store: Store, session: Access, key: str) -> None:
        await store.write(session, {key: b"1", key + "!": b"2"})
        assert await store.read(session, [key]) == {key: b"1"}
        assert await store.names(session) == sorted([key, key + "!"])
        assert await store.increment(session, key, 1, b"0") == b"2"
        assert await store.remove(session, key) == b"2"
        assert await store.read(session) == {key + "!": b"2"}

    async def test_half_a_surrogate_pair_is_no_key_and_no_id(
        self, store: Store, session: Access, lifetime: Lifetime
    ) -> None:
        for attempt in (
            store.write(session, {"a": b"1", "\ud800": b"1"}),
            store.write(session, {"a": b"1"}, {"\ud800": None}),
            store.read(session, ["\ud800"]),
            store.remove(session, "\ud800"),
            store.increment(session, "\ud800", 1, b"0"),
            store.append(session, "\ud800", [b"1"], b"[]"),
            store.create(Access(Address("handle", "\ud800", "cart")), lifetime),
        ):
            with pytest.raises(StoreError, match="not Unicode text"):
                await attempt
        assert await store.read(session) == {}

    @pytest.mark.parametrize("value", [b"", b"\0" * 65536, bytes(range(256)), b"x" * 5_000_000], ids=len)
    async def test_any_bytes_are_a_value(self, store: Store, session: Access, value: bytes) -> None:
        await store.write(session, {"a": value})
        assert await store.read(session) == {"a": value}

    async def test_ten_thousand_keys(self, store: Store, session: Access) -> None:
        values: dict[str, bytes | None] = {f"key {n}": str(n).encode() for n in range(10_000)}
        await store.write(session, values)
        assert await store.read(session) == values
        assert await store.read(session, list(values)) == values
        assert await store.names(session) == sorted(values)
        await store.clear(session)
        assert await store.names(session) == []

    async def test_an_id_is_taken_whoever_owns_it(self, store: Store, session: Access, lifetime: Lifetime) -> None:
        await store.write(session, {"a": b"1"})
        for other in (
            session,
            replace(session, owner="stranger"),
            replace(session, begin=lifetime),
        ):
            with pytest.raises(SessionExistsError):
                await store.create(other, lifetime, {"a": b"2"})
        assert await store.read(session) == {"a": b"1"}

    @pytest.mark.parametrize("how", ["end", "clear"])
    async def test_sessions_do_not_mix(self, store: Store, lifetime: Lifetime, how: str) -> None:
        accesses = [
            Access(Address("handle", "1", "cart"), "me"),
            Access(Address("handle", "1", "notes"), "you"),
            Access(Address("handle", "1", ""), "me"),
            Access(Address("handle", "2", "cart"), ""),
            Access(Address("transport", "1", TRANSPORT_SCHEMA), "me"),
            Access(Address("transport", "1", "cart"), "me"),
            Access(Address("transport", "1", "notes"), "me"),
            Access(Address("transport", "2", TRANSPORT_SCHEMA), "me"),
            Access(Address("transport", "2", "cart"), "me"),
            Access(Address("connection", "1", ""), "me"),
            Access(Address("connection", "1", "cart"), "me"),
            Access(Address("connection", "1", "notes"), "me"),
            Access(Address("user", "1", "cart"), None),
        ]
        held = {access: {"a": str(number).encode()} for number, access in enumerate(accesses)}
        for access, values in held.items():
            await store.create(access, lifetime, values)
        for access in reversed(accesses):
            assert await store.read(access) == held.pop(access)
            await getattr(store, how)(access)
            assert {other: await store.read(other) for other in held} == held

    @pytest.mark.parametrize("space", get_args(Space))
    async def test_a_session_keeps_the_version_and_the_digest_that_it_began_with(
        self, store: Store, lifetime: Lifetime, space: Space
    ) -> None:
        first = Access(Address(space, "1", "cart"), "me", None, 3, "sha256:one")
        second = replace(first, begin=lifetime, version=4, digest="sha256:two")
        if space == "transport":
            parent = await store.create(replace(first, address=first.address.parent, version=7), lifetime)
            assert (parent.version, parent.digest) == (7, "sha256:one")
        created = await store.create(first, lifetime, {"a": b"2"})
        assert (created.version, created.digest) == (3, "sha256:one")
        await store.write(second, {"a": b"1"})
        assert await store.touch(second) == await store.touch(first) == created
        assert (await store.touch(second, Lifetime(5.0))).version == 3
        await store.end(second)
        await store.write(second, {"a": b"1"})
        begun = await store.touch(first)
        assert (begun.version, begun.digest) == (4, "sha256:two")
        await store.end(first)
        begun = await store.touch(replace(first, begin=lifetime))
        assert (begun.version, begun.digest) == (3, "sha256:one")

    async def test_a_caller_that_says_nothing_of_its_schema_has_the_first_version(
        self, store: Store, session: Access
    ) -> None:
        info = await store.touch(session)
        assert (info.version, info.digest) == (1, "")

    async def test_closing_twice_is_fine_and_closed_is_closed(
        self, store: Store, session: Access, lifetime: Lifetime
    ) -> None:
        await asyncio.gather(store.aclose(), store.aclose())
        await store.aclose()
        with pytest.raises(StoreError, match="closed"):
            await store.read(session)
        with pytest.raises(StoreError, match="closed"):
            await store.create(session, lifetime)
