"""A session without a schema: any string key, any JSON value. For prototypes, and for keys known only at run time."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

from pydantic import JsonValue

from mcp_sessions.drafts import JsonDraft
from mcp_sessions.durations import Duration
from mcp_sessions.json_key import JsonKey
from mcp_sessions.schema import SessionSchema
from mcp_sessions.transactions import TransactionalSession

JsonInput: TypeAlias = "bool | int | float | str | Sequence[JsonInput] | Mapping[str, JsonInput] | None"
"""What may be stored: JSON values. Lists and tuples are both arrays, and are read back as lists."""


class UntypedSession(TransactionalSession[dict[str, JsonValue]]):
    """One session with any string key and JSON value.

    Its handles, argument and tools are called ``session``; derive a class for another name:
    ``class Scratchpad(UntypedSession, name="scratchpad")``.

    The draft of a transaction is a dict. That another key came into being meanwhile is a conflict if the draft was
    asked for that key by its name; going through the whole draft does not ask for what is not in it. A changed key is
    kept as long as the session, as after ``set`` without ``ttl``.
    """

    schema = SessionSchema(name="session")

    def __init_subclass__(cls, *, name: str = "") -> None:
        """Give a derived class a schema name of its own."""
        super().__init_subclass__()
        if name:
            cls.schema = SessionSchema(name=name)

    @classmethod
    def _named(cls, name: str) -> JsonKey:
        return JsonKey(name)

    async def get(self, key: str) -> JsonValue:
        """Read a key; None when it is not set."""
        return cast("JsonValue", await self._get(JsonKey(key)))

    async def set(self, key: str, value: JsonInput, *, ttl: Duration | None = None) -> None:
        """Write a key; with ``ttl``, such as "5m", it is unset again after that time, unless it is written anew."""
        await self._set(JsonKey(key, ttl), value)

    async def has(self, key: str) -> bool:
        """Tell whether a key is set."""
        return await self._has(JsonKey(key))

    async def remove(self, key: str) -> bool:
        """Unset a key; False when it was not set."""
        return await self._remove(JsonKey(key))

    async def take(self, key: str) -> JsonValue:
        """Read and unset a key at once; None when it was not set."""
        return cast("JsonValue", await self._take(JsonKey(key)))

    async def update(self, key: str, fn: Callable[[JsonValue], JsonInput], *, ttl: Duration | None = None) -> JsonValue:
        """Replace a key's value by ``fn`` of it, atomically; ``fn`` may run more than once. ``ttl``: see ``set``."""
        return cast("JsonValue", await self._update(JsonKey(key, ttl), fn))

    async def keys(self) -> list[str]:
        """Return the names of the keys that are set, sorted."""
        return await self._ask(self.store.names)

    async def snapshot(self) -> dict[str, JsonValue]:
        """Return all keys at one moment."""
        return self._values_of(await self._ask(self.store.read))

    async def _draft(self) -> JsonDraft:
        found = await self._ask(self.store.read)
        return JsonDraft(self._values_of(found), found)

    def _values_of(self, found: Mapping[str, bytes]) -> dict[str, JsonValue]:
        return {name: cast("JsonValue", self._decoded(JsonKey(name), raw)) for name, raw in sorted(found.items())}
