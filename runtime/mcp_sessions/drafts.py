"""Drafts: what a transaction hands out to be changed, and what is to be written when it has been.

Owns what counts as a change of a key. Asks no store; ``transactions`` does.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from pydantic import BaseModel, JsonValue

from mcp_sessions.errors import SessionKeyError, SessionValueError
from mcp_sessions.forms import UNSET, Unset
from mcp_sessions.json_key import JsonKey
from mcp_sessions.keys import Key

StateT = TypeVar("StateT")
StateT_co = TypeVar("StateT_co", covariant=True)
ModelT = TypeVar("ModelT", bound=BaseModel)

_NOTHING: Final = object()


@dataclass(frozen=True, slots=True)
class Write:
    """What a draft comes to, as a store takes it: all of ``changes``, if all of ``expected`` is still so."""

    changes: dict[str, bytes | None]
    expected: dict[str, bytes | None]
    ttls: dict[str, float]


class Draft(Protocol[StateT_co]):
    """A state that may be changed, together with what was read of it."""

    @property
    def state(self) -> StateT_co:
        """What the user changes."""
        ...

    def write(self) -> Write:
        """Return what has to be written so that the session is as the state is now.

        Raises:
            SessionValueError: If a changed value does not fit its key, or the values do not fit together.
            SessionKeyError: If something else than a key was assigned to; most state models refuse that themselves.
        """
        ...


class ModelDraft(Generic[ModelT]):
    """A draft that is an object of the schema's state model.

    Args:
        keys: The keys of the schema.
        state: What was read, in an object that nobody else has.
        found: The same as stored bytes.
        check: Raises if these bytes do not fit together.
    """

    def __init__(
        self,
        keys: Iterable[Key[Any, Any]],
        state: ModelT,
        found: Mapping[str, bytes],
        check: Callable[[Mapping[str, bytes]], None],
    ) -> None:
        self.state = state
        self._keys = {key.name: key for key in keys}
        self._found = found
        self._check = check
        state.model_fields_set.intersection_update(found)  # validators may have assigned; from here on the user does
        self._extra = set(state.model_extra or ())
        self._before = {name: _print_of(key, state.__dict__.get(name, _NOTHING)) for name, key in self._keys.items()}

    def write(self) -> Write:
        """See ``Draft.write``."""
        for name in (self.state.model_extra or {}).keys() - self._extra:
            raise SessionKeyError(f"{name!r} was assigned to, but no key has that name; nothing was written")
        wanted = {name: self._wanted(key) for name, key in self._keys.items()}
        changes = {name: raw for name, raw in wanted.items() if not isinstance(raw, Unset)}
        if changes:
            after = {**self._found, **changes}
            self._check({name: raw for name, raw in after.items() if raw is not None})
        ttls = {name: ttl for name in changes for ttl in self._keys[name].ttls.values()}
        return Write(changes, {name: self._found.get(name) for name in self._keys}, ttls)

    def _wanted(self, key: Key[Any, Any]) -> bytes | Unset | None:
        """Return what the key has to hold, None if it has to be unset, or UNSET if nothing is to happen."""
        name, was = key.name, self._found.get(key.name)
        value = self.state.__dict__.get(name, _NOTHING)
        is_new = was is None and name in self.state.model_fields_set
        if not is_new and _print_of(key, value) == self._before[name]:
            return UNSET
        try:
            now = None if value is _NOTHING else key.encode(value)
        except SessionValueError:
            if value is not None:
                raise
            now = None
        return UNSET if now == was else now


class JsonDraft:
    """A draft that is a dict of JSON values, with any keys."""

    def __init__(self, values: Mapping[str, JsonValue], found: Mapping[str, bytes]) -> None:
        self.state = _Asked(values)
        self._found = found
        self._before = {name: _print_of(JsonKey(name), value) for name, value in values.items()}

    def write(self) -> Write:
        """See ``Draft.write``."""
        changes: dict[str, bytes | None] = dict.fromkeys(self._found.keys() - self.state.keys())
        for name, value in self.state.items():
            key = JsonKey(name)
            if name not in self._found or _print_of(key, value) != self._before[name]:
                changes[name] = key.encode(value)
        names = {*self._found, *changes, *self.state.in_vain}
        return Write(changes, {name: self._found.get(name) for name in names}, {})


class _Asked(dict[str, JsonValue]):
    """A dict that notes which keys it was asked for in vain: that a key is unset may be what a decision rests on."""

    def __init__(self, values: Mapping[str, JsonValue]) -> None:
        super().__init__(values)
        self.in_vain: set[str] = set()

    def __missing__(self, key: str) -> JsonValue:
        self.in_vain.add(key)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        is_there = super().__contains__(key)
        if isinstance(key, str) and not is_there:
            self.in_vain.add(key)
        return is_there

    def get(self, key: str, default: Any = None, /) -> Any:
        is_there = key in self
        return super().get(key, default) if is_there else default

    def pop(self, key: str, /, *default: Any) -> Any:
        is_there = key in self
        return super().pop(key) if is_there or not default else default[0]


def _print_of(key: Key[Any, Any], value: object) -> object:
    """Return what tells a value from another one: its bytes, or itself if it has none and so is no value of the key."""
    if value is _NOTHING:
        return value
    try:
        return key.form.dump(value)
    except ValueError:
        return value
