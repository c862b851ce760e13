"""The base class of generated accessors: typed keys over one session."""

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Generic, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from typing_extensions import TypeVar

from mcp_sessions.bound import draft_of, reader_of
from mcp_sessions.drafts import ModelDraft
from mcp_sessions.errors import SessionDataError, SessionKeyError, SessionValueError
from mcp_sessions.forms import BY_NAME, UNSET, PlainForm, Unset
from mcp_sessions.ids import masked
from mcp_sessions.keys import DictKey, Key, ListKey, NumberKey
from mcp_sessions.refusals import in_words
from mcp_sessions.schema import SessionSchema
from mcp_sessions.transactions import TransactionalSession

StateT = TypeVar("StateT", bound=BaseModel)
NameT = TypeVar("NameT", bound=str)
T = TypeVar("T")
D = TypeVar("D")
N = TypeVar("N")
ItemT = TypeVar("ItemT")
K = TypeVar("K")
V = TypeVar("V")


class Session(TransactionalSession[StateT], Generic[StateT, NameT]):
    """One session of a generated class: ``get_x``, ``set_x`` and the like are there, the rest is here."""

    _keys: ClassVar[dict[str, Key[Any, Any]]]

    def __init_subclass__(cls, *, schema: SessionSchema | None = None) -> None:
        """Bind a generated class to its schema; a class derived from one keeps it."""
        super().__init_subclass__()
        if schema is not None:
            cls.schema = schema
            cls._keys = {key.name: key for key in schema.keys}

    # The session as a whole

    async def keys(self) -> list[NameT]:
        """Return the names of the keys that are set, in the order of the schema."""
        found = set(await self._ask(self.store.names))
        return [cast("NameT", name) for name in self._keys if name in found]

    async def has(self, key: NameT) -> bool:
        """Tell whether a key is set."""
        return await self._has(self._named(key))

    async def remove(self, key: NameT) -> bool:
        """Unset a key; False when it was not set."""
        return await self._remove(self._named(key))

    async def snapshot(self) -> StateT:
        """Return all keys at one moment; those that are not set have their default, or None.

        ``model_fields_set`` of the result tells which keys are set. Where the schema is a model of the user's, that is
        what this returns, and what the model says of several fields at once is checked here.

        Raises:
            SessionDataError: If what is stored does not fit, or not together.
        """
        return self._state_of(await self._read_all())

    async def _read_all(self) -> dict[str, bytes]:
        """Return what is stored, after storing the defaults that have to stay."""
        found = await self._ask(self.store.read)
        made = [key for name, key in self._keys.items() if key.form.makes_default and name not in found]
        for key in made:
            await self._keep_default(key)
        return await self._ask(self.store.read) if made else found

    async def _draft(self) -> ModelDraft[StateT]:
        found = await self._read_all()
        state = self._state_of(found)
        model = draft_of(type(state))
        if model is not type(state):
            object.__setattr__(state, "__class__", model)
        known = {name: raw for name, raw in found.items() if name in self._keys}
        return ModelDraft(self._keys.values(), state, known, self._require_fit)

    def _require_fit(self, found: Mapping[str, bytes]) -> None:
        """Raise unless the user's own model, where there is one, would take these bytes for a state."""
        if not self._is_users:
            return
        try:
            self._read_as_users(found)
        except ValidationError as error:
            raise SessionValueError(f"{self.schema.name}: {self._in_words(error)}; nothing was written") from None

    @property
    def _is_users(self) -> bool:
        """Whether the state model is a class of the user's."""
        return any(key.model is self.schema.state for key in self.schema.keys)

    def _state_of(self, found: Mapping[str, bytes]) -> StateT:
        """Return an object of the state model, made from what is stored."""
        if not self._is_users:
            values = {name: self._decoded(key, found.get(name)) for name, key in self._keys.items()}
            state = self.schema.state.model_construct(_fields_set=set(found) & set(values), **values)
            return cast("StateT", state)
        try:
            return cast("StateT", self._read_as_users(found))
        except ValidationError as error:
            for name, key in self._keys.items():  # of a key that does not fit by itself, the message has more to say
                self._decoded(key, found.get(name))
            words = self._in_words(error)
            raise SessionDataError(
                f"{self.schema.name} of {masked(self.id)}: {words}; it was left as it is, and its keys can be read and "
                f"changed one by one"
            ) from None

    def _read_as_users(self, found: Mapping[str, bytes]) -> BaseModel:
        reader = _reader_of(self.schema.state, self.schema.keys)
        parts = [to_json(name) + b":" + raw for name, raw in found.items() if name in self._keys]
        state = reader.model_validate_json(b"{" + b",".join(parts) + b"}", **BY_NAME)
        if reader is not self.schema.state and type(state) is reader:
            object.__setattr__(state, "__class__", self.schema.state)
        return state

    def _in_words(self, error: ValidationError) -> str:
        return in_words(error, PlainForm(self.schema.state, UNSET))

    # By name: for get("x") and set("x", value)

    @classmethod
    def _named(cls, name: str) -> Key[Any, Any]:
        key = cls._keys.get(name)
        if key is None:
            raise SessionKeyError(f"{cls.schema.name} has no key {name!r}; its keys are: {', '.join(cls._keys)}")
        return key

    def _pick(self, name: str, like: Key[T, D]) -> Key[T, D]:
        """Return the key of that name; ``like`` only says what type its values have."""
        return like if name == like.name else self._named(name)

    async def _get_named(self, name: str) -> object:
        return await self._get(self._named(name))

    async def _set_named(self, name: str, value: object) -> None:
        await self._set(self._named(name), value)

    # What only some kinds of key can do

    async def _increment(self, key: NumberKey[N, D], by: N) -> N:
        if key.native:
            key.encode(by)
            try:
                raw = await self._ask(self.store.increment, key.name, cast("int | float", by), key.start, key.ttl)
                return key.decode_set(raw)
            except SessionDataError as error:
                raise self._located(key, error) from None

        def add(current: D) -> tuple[N, N]:
            base: Any = key.decode_set(key.start) if current is None else current
            return base + by, base + by

        return await self._change(key, add)

    async def _append(self, key: ListKey[ItemT, D], items: tuple[ItemT, ...]) -> None:
        if key.native:
            encoded = key.encode_items(items)
            try:
                await self._ask(self.store.append, key.name, encoded, key.start, key.ttl)
            except SessionDataError as error:
                raise self._located(key, error) from None
            return

        def extend(current: D) -> tuple[list[ItemT] | Unset, None]:
            if not items:
                return UNSET, None
            return [*cast("list[ItemT]", current or []), *items], None

        await self._change(key, extend)

    async def _put(self, key: DictKey[K, V, D], entry: K, value: V) -> None:
        def put(current: D) -> tuple[dict[K, V], None]:
            return {**cast("dict[K, V]", current or {}), entry: value}, None

        await self._change(key, put)

    async def _pop(self, key: DictKey[K, V, D], entry: K) -> V | None:
        def pop(current: D) -> tuple[dict[K, V] | Unset, V | None]:
            entries = dict(cast("dict[K, V]", current or {}))
            return (entries, entries.pop(entry)) if entry in entries else (UNSET, None)

        return await self._change(key, pop)


@cache
def _reader_of(state: type[BaseModel], keys: tuple[Key[Any, Any], ...]) -> type[BaseModel]:
    return reader_of(state, [key.form for key in keys])
