"""``EncryptedStore``: the store contract, with values that only this server can read."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Literal, TypeVar

from mcp_sessions import attempts
from mcp_sessions.attempts import Beaten, until_written
from mcp_sessions.errors import SessionConflictError, SessionTooLargeError
from mcp_sessions.stores import jsontext, room
from mcp_sessions.stores.base import Store, require_store
from mcp_sessions.stores.encrypted.sealing import OVERHEAD, Seals
from mcp_sessions.stores.encrypted.turns import Turns
from mcp_sessions.stores.terms import (
    Access,
    Address,
    Lifetime,
    Limits,
    Listed,
    Page,
    Remains,
    SchemaVersion,
    SessionCopy,
    SessionInfo,
)
from mcp_sessions.stores.texts import require_text

__all__ = ["EncryptedStore"]

R = TypeVar("R")


class EncryptedStore:
    """Any store, with its values encrypted and authenticated (AES-256-GCM) before they reach it.

    Who can read the store, its files or its backups, learns no value; who can write there cannot change a value, nor
    put it into another key, session, schema or space, without it being noticed: what does not open is a
    ``SessionDataError``, never unset. Not hidden are ids, schemas, the names of keys, the hash of the owner, times, and
    how long values are. Not noticed are a value that was taken away, and one that had been in the same key before and
    was put back.

    The contract is kept, with these exceptions:

    - ``increment``, ``append`` and a ``write`` with ``expected`` take two round trips: they read, and write if nobody
      came between, else both again. They raise ``SessionConflictError`` when others came each of a hundred times.
    - ``migrate`` takes two round trips too, and is not done if somebody came between, even with the same values.
    - Where one of these finds a value that does not fit, the session has been used: what is refused has slid it.
    - ``Limits.value_bytes`` counts the value, but ``Limits.session_bytes`` and ``SessionInfo.size`` count what is kept,
      38 bytes more for each value.
    - What a session held that is over, or a key that was removed, is the one byte 0xFA where it does not open: an
      error would lose what else there is to tell.

    Args:
        store: Where everything is kept. ``aclose`` closes it.
        keys: 32 random bytes each, or their base64url text, see ``new_key``. The first seals, all of them open. To
            replace a key, give every worker the new one as its last, then make it the first, and take the old one away
            when the sessions of that time are over. A key is good for 2**32 values, see ``Seals``.
        plaintext: What to do with values that are not encrypted: "refuse", which is a ``SessionDataError``, or "read",
            for a store that was begun without encryption. Such a value is encrypted when it is next written. Until
            they are gone, whoever can write in the store can put values of their own there.

    Raises:
        TypeError: If ``store`` is no store, or ``keys`` are of another type.
        ValueError: If a key is none, or ``plaintext`` is something else.
    """

    def __init__(
        self, store: Store, keys: Sequence[str | bytes], *, plaintext: Literal["refuse", "read"] = "refuse"
    ) -> None:
        require_store(store, "EncryptedStore")
        if plaintext not in ("refuse", "read"):
            raise ValueError(f'plaintext is "refuse" or "read"; got {plaintext!r}')
        self.store = store
        self._seals = Seals(keys, reads_plaintext=plaintext == "read")
        self._turns = Turns()

    async def create(
        self,
        access: Access,
        lifetime: Lifetime,
        values: Mapping[str, bytes] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> SessionInfo:
        """See ``Store.create``."""
        given, until = dict(values or {}), dict(ttls or {})
        sealed = {key: self._seals.sealed(access.address, key, value) for key, value in given.items()}
        await self._turns.wait(access.address)
        with _saying_sizes(access, given):
            return await self.store.create(_roomier(access), lifetime, sealed, until)

    async def touch(self, access: Access, lifetime: Lifetime | None = None) -> SessionInfo:
        """See ``Store.touch``."""
        await self._turns.wait(access.address)
        return await self.store.touch(access, lifetime)

    async def read(self, access: Access, keys: Sequence[str] | None = None) -> dict[str, bytes]:
        """See ``Store.read``.

        Raises:
            SessionDataError: If a value does not open.
        """
        wanted = None if keys is None else tuple(keys)
        await self._turns.wait(access.address)
        return self._seals.all_opened(access.address, await self.store.read(access, wanted))

    async def names(self, access: Access) -> list[str]:
        """See ``Store.names``."""
        await self._turns.wait(access.address)
        return await self.store.names(access)

    async def write(
        self,
        access: Access,
        changes: Mapping[str, bytes | None],
        expected: Mapping[str, bytes | None] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> dict[str, bytes | None] | None:
        """See ``Store.write``."""
        given, until = dict(changes), dict(ttls or {})
        if expected:
            return await self._compare_and_set(access, given, dict(expected), until)
        sealed = self._sealed(access.address, given)
        await self._turns.wait(access.address)
        with _saying_sizes(access, given):
            return await self.store.write(_roomier(access), sealed, None, until)

    async def remove(self, access: Access, key: str) -> bytes | None:
        """See ``Store.remove``."""
        await self._turns.wait(access.address)
        kept = await self.store.remove(access, key)
        return None if kept is None else self._seals.last_seen(access.address, key, kept)

    async def clear(self, access: Access) -> None:
        """See ``Store.clear``."""
        await self._turns.wait(access.address)
        await self.store.clear(access)

    async def increment(
        self, access: Access, key: str, by: int | float, initial: bytes, ttl: float | None = None
    ) -> bytes:
        """See ``Store.increment``."""

        def add(held: bytes | None) -> tuple[bytes, bytes]:
            total = jsontext.added(initial if held is None else held, by)
            return total, total

        return await self._exchange(access, key, add, ttl)

    async def append(
        self, access: Access, key: str, items: Sequence[bytes], initial: bytes, ttl: float | None = None
    ) -> None:
        """See ``Store.append``."""
        given = tuple(items)

        def add(held: bytes | None) -> tuple[bytes | None, None]:
            longer = jsontext.appended(initial if held is None else held, given)
            return longer if given else None, None

        await self._exchange(access, key, add, ttl)

    async def end(self, access: Access, *, values: bool = False, expired: bool = False) -> list[Remains]:
        """See ``Store.end``."""
        await self._turns.wait(access.address)
        return self._remaining(await self.store.end(access, values=values, expired=expired))

    async def purge_expired(self, limit: int = 1000, *, values: bool = False) -> list[Remains]:
        """See ``Store.purge_expired``."""
        return self._remaining(await self.store.purge_expired(limit, values=values))

    async def scan(
        self, *, schema: str | None = None, owner: str | None = None, limit: int = 100, cursor: str = ""
    ) -> Page:
        """See ``Store.scan``."""
        return await self.store.scan(schema=schema, owner=owner, limit=limit, cursor=cursor)

    async def look_up(self, address: Address) -> Listed | None:
        """See ``Store.look_up``."""
        return await self.store.look_up(address)

    async def count(self) -> int:
        """See ``Store.count``."""
        return await self.store.count()

    async def copy_out(self, address: Address) -> SessionCopy | None:
        """See ``Store.copy_out``; the copy has the values themselves, for another store.

        Raises:
            SessionDataError: If one does not open.
        """
        copy = await self.store.copy_out(address)
        return copy and replace(copy, values=self._seals.all_opened(address, copy.values))

    async def copy_in(self, copy: SessionCopy) -> None:
        """See ``Store.copy_in``."""
        values = {key: self._seals.sealed(copy.address, key, value) for key, value in copy.values.items()}
        await self.store.copy_in(replace(copy, values=values))

    async def migrate(
        self,
        copy: SessionCopy,
        version: SchemaVersion,
        changes: Mapping[str, bytes | None],
        untils: Mapping[str, float],
    ) -> bool:
        """See ``Store.migrate``; a value that was meanwhile written as it was is another one here.

        Raises:
            SessionDataError: If a value does not open.
        """
        address, was, given, until = copy.address, dict(copy.values), dict(changes), dict(untils)
        require_text(*given)
        async with self._turns.alone(address):
            kept = await self.store.copy_out(address)
            if kept is None or kept.untils != copy.untils or self._seals.all_opened(address, kept.values) != was:
                return False
            sealed = self._sealed(address, given)
            return await self.store.migrate(replace(copy, values=kept.values), version, sealed, until)

    async def aclose(self) -> None:
        """See ``Store.aclose``; it closes the store inside."""
        await self._turns.finish()
        await self.store.aclose()

    # What takes two round trips

    async def _compare_and_set(
        self,
        access: Access,
        changes: Mapping[str, bytes | None],
        expected: Mapping[str, bytes | None],
        ttls: Mapping[str, float],
    ) -> dict[str, bytes | None] | None:
        """Compare values, and set if their ciphertexts are still the same; again, if nothing but those has changed."""
        address = access.address

        async def attempt() -> dict[str, bytes | None] | None:
            found = await self.store.read(access, tuple(expected))
            kept: dict[str, bytes | None] = {key: found.get(key) for key in expected}
            if (actual := self._opened(address, kept)) != expected:
                return actual
            try:
                await self._replace(access, changes, kept, ttls)
            except Beaten as beaten:
                if (actual := self._opened(address, beaten.actual)) != expected:
                    return actual
                raise
            return None

        async with self._turns.alone(access.address):
            return await _persistently(attempt)

    async def _exchange(
        self, access: Access, key: str, step: Callable[[bytes | None], tuple[bytes | None, R]], ttl: float | None
    ) -> R:
        """Read a key and set it: ``step`` gives its new value (None to leave it alone) and the result."""

        async def attempt() -> R:
            kept = (await self.store.read(access, (key,))).get(key)
            value, result = step(None if kept is None else self._seals.opened(access.address, key, kept))
            changes = {} if value is None else {key: value}
            ttls = {} if value is None or ttl is None else {key: ttl}
            await self._replace(access, changes, {key: kept}, ttls)
            return result

        async with self._turns.alone(access.address):
            return await _persistently(attempt)

    async def _replace(
        self,
        access: Access,
        changes: Mapping[str, bytes | None],
        kept: Mapping[str, bytes | None],
        ttls: Mapping[str, float],
    ) -> None:
        """Write if what is kept is still the same, and raise ``Beaten`` if not."""
        with _saying_sizes(access, changes):
            actual = await self.store.write(_roomier(access), self._sealed(access.address, changes), kept, ttls)
        if actual is not None:
            raise Beaten(actual)

    # Sealing and opening

    def _sealed(self, address: Address, values: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
        return {
            key: None if value is None else self._seals.sealed(address, key, value) for key, value in values.items()
        }

    def _opened(self, address: Address, kept: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
        return {key: None if value is None else self._seals.opened(address, key, value) for key, value in kept.items()}

    def _remaining(self, gone: Sequence[Remains]) -> list[Remains]:
        return [
            replace(
                one,
                values={key: self._seals.last_seen(one.address, key, value) for key, value in one.values.items()},
            )
            for one in gone
        ]


async def _persistently(attempt: Callable[[], Awaitable[R]]) -> R:
    try:
        return await until_written(attempt)
    except Beaten:
        raise SessionConflictError(
            f"other writers came first {attempts.ATTEMPTS} times in a row; nothing was written. Try again."
        ) from None


def _roomier(access: Access) -> Access:
    """Return the access with the limits of sealed values."""
    if access.limits.value_bytes is None:
        return access
    return replace(access, limits=_roomier_limits(access.limits))


@lru_cache(maxsize=64)
def _roomier_limits(limits: Limits) -> Limits:
    return limits if limits.value_bytes is None else replace(limits, value_bytes=limits.value_bytes + OVERHEAD)


@contextmanager
def _saying_sizes(access: Access, values: Mapping[str, bytes | None]) -> Iterator[None]:
    """Say of a value that is too large how large it is without its seal; the store has said so with it."""
    try:
        yield
    except SessionTooLargeError as error:
        raise room.refusal_of_values(access, values) or error from None
