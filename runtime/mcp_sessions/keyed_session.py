"""The operations on one key of a session, from the key's values to the store's bytes and back.

Each is one round trip, except for the compare-and-set of ``_exchange``. Which of them a kind of key has, and under what
names, is the business of ``session`` and ``untyped``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, cast

from pydantic import ValidationError
from typing_extensions import TypeVar

from mcp_sessions import attempts
from mcp_sessions.attempts import Beaten, require_value, until_written
from mcp_sessions.base_session import BaseSession
from mcp_sessions.combining import Apart, Step, make_in_turn
from mcp_sessions.errors import SessionConflictError, SessionDataError, SessionLimitError
from mcp_sessions.forms import UNSET, Unset
from mcp_sessions.ids import masked
from mcp_sessions.keys import Key
from mcp_sessions.locks import local_lock
from mcp_sessions.stores.base import Access, NotLiveError, OtherVersionError

T = TypeVar("T")
D = TypeVar("D")
R = TypeVar("R")


class KeyedSession(BaseSession):
    """A session whose keys can be read and written, one at a time."""

    async def _get(self, key: Key[T, D]) -> D:
        name, form = key.name, key.form
        raw = (await self._ask(self.store.read, (name,))).get(name)
        if raw is None:
            return await self._keep_default(key) if form.makes_default else self._decoded(key, raw)
        try:
            return form.load(raw)  # type: ignore[return-value]  # every T is a D
        except ValidationError:
            return self._decoded(key, raw)  # which says what is wrong

    async def _keep_default(self, key: Key[T, D]) -> D:
        """Store the default of a key that is unset, and return it: the next one would differ."""

        def keep(current: D) -> tuple[T, D]:
            return current, current  # type: ignore[return-value]  # with a default, D is T

        return await self._change(key, keep)

    async def _set(self, key: Key[T, D], value: T) -> None:
        await self._ask(self.store.write, {key.name: key.encode(value)}, ttls=key.ttls)

    async def _has(self, key: Key[T, D]) -> bool:
        return key.name in await self._ask(self.store.read, (key.name,))

    async def _remove(self, key: Key[T, D]) -> bool:
        return await self._ask(self.store.remove, key.name) is not None

    async def _take(self, key: Key[T, D]) -> T | None:
        def take(raw: bytes | None) -> tuple[Unset | None, T | None]:
            if raw is None:
                return UNSET, None
            try:
                return None, key.decode_set(raw)
            except SessionDataError as error:
                raise self._located(key, error) from None

        return await self._exchange(key, take)

    async def _update(self, key: Key[T, D], fn: Callable[[D], T]) -> T:
        def update(current: D) -> tuple[T, T]:
            value = fn(current)
            require_value(value, "update")
            return value, value

        return await self._change(key, update)

    async def _change(self, key: Key[T, D], step: Callable[[D], tuple[T | Unset, R]]) -> R:
        """Compare and set: ``step`` gives the value to write (UNSET for none) and the result to return."""

        def change(raw: bytes | None) -> tuple[bytes | Unset, R]:
            value, result = step(self._decoded(key, raw))
            return value if isinstance(value, Unset) else key.encode(value), result

        return await self._exchange(key, change)

    async def _exchange(self, key: Key[T, D], step: Callable[[bytes | None], tuple[bytes | Unset | None, R]]) -> R:
        """Compare and set bytes: ``step`` gives those to write in place of those that are there, and the result.

        The steps of those who want to change the same key at the same time, on behalf of the same owner, are made
        together, if they have all seen the session.
        """
        lock, seen = local_lock(id(self.store), self._access().address, key.name), self._seen
        try:
            if seen is not None and lock.locked():
                with suppress(Apart):
                    perform = partial(self._perform, lock, seen, key)
                    found = await make_in_turn(step, perform, id(self.store), seen, key.name, key.ttl)
                    return cast("R", found)
            async with lock:
                return await until_written(lambda: self._attempt(self._ask, key, step))
        except Beaten as beaten:
            raise SessionConflictError(
                f"{self.schema.name}.{key.name}: other writers changed it {attempts.ATTEMPTS} times in a row; nothing "
                f"was written. Try again.",
                current=self._current(key, beaten.actual[key.name]),
            ) from None

    async def _perform(self, lock: asyncio.Lock, seen: Access, key: Key[T, D], step: Step) -> None:
        """Make the steps of several callers by the access that all of them have."""

        async def ask(operation: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
            return await operation(seen, *args, **kwargs)

        async with lock:
            try:
                await until_written(lambda: self._attempt(ask, key, step))
            except (NotLiveError, OtherVersionError, SessionLimitError):
                raise Apart from None

    async def _attempt(
        self,
        ask: Callable[..., Awaitable[Any]],
        key: Key[T, D],
        step: Callable[[bytes | None], tuple[bytes | Unset | None, R]],
    ) -> R:
        raw = (await ask(self.store.read, (key.name,))).get(key.name)
        wanted, result = step(raw)
        if isinstance(wanted, Unset) or (wanted == raw and not key.ttls):  # a time to live begins anew
            return result
        actual = await ask(self.store.write, {key.name: wanted}, {key.name: raw}, ttls=key.ttls)
        if actual is not None:
            raise Beaten(actual)
        return result

    async def _replace(
        self, changes: Mapping[str, bytes | None], expected: Mapping[str, bytes | None], ttls: Mapping[str, float]
    ) -> None:
        """Write if all that was ``expected`` is still so, and raise ``Beaten`` if not."""
        actual = await self._ask(self.store.write, changes, expected, ttls=ttls)
        if actual is not None:
            raise Beaten(actual)

    def _current(self, key: Key[Any, Any], raw: bytes | None) -> object:
        """Return what a conflict tells of a key; None for what is no value, or a default that would not stay."""
        if raw is None and key.form.makes_default:
            return None
        try:
            return key.decode(raw)
        except SessionDataError:
            return None

    def _decoded(self, key: Key[T, D], raw: bytes | None) -> D:
        try:
            return key.decode(raw)
        except SessionDataError as error:
            raise self._located(key, error) from None

    def _located(self, key: Key[Any, Any], error: SessionDataError) -> SessionDataError:
        """Return an error on stored data that does not fit, which says where that is."""
        return SessionDataError(f"{self.schema.name}.{key.name} of {masked(self.id)}: {error}")
