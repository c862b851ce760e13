"""Keys: one typed slot of a session each, and the way between its values and their stored bytes.

Owns validation and (de)serialisation of single values. Knows nothing of stores or of whose session it is.
"""

from functools import cached_property
from typing import Any, Final, Generic, TypedDict, get_args

from pydantic import BaseModel, ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError, core_schema, to_json
from typing_extensions import TypeVar

from mcp_sessions.errors import SessionDataError, SessionValueError


class Unset:
    """The type of ``UNSET``."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()
"""Stands for "no default": unset and None are different things."""


class _Naming(TypedDict):
    by_alias: bool
    by_name: bool


T = TypeVar("T")
D = TypeVar("D", default=T)
N = TypeVar("N")
ND = TypeVar("ND", default=N)
ItemT = TypeVar("ItemT")
ID = TypeVar("ID", default=list[ItemT])
K = TypeVar("K")
V = TypeVar("V")
KD = TypeVar("KD", default=dict[K, V])

_CONFIG: Final = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="constants")
_BY_NAME: Final = _Naming(by_alias=False, by_name=True)
"""A model's aliases are for the outside world; what is stored goes by the names of its fields."""

_LONG: Final = 4000
"""Bytes from which on a number may have more digits than Python reads back (``sys.set_int_max_str_digits``)."""

_TELLTALES: Final = {
    "value_error": "refused by a validator",
    "assertion_error": "refused by a validator",
    "union_tag_invalid": "the tag is none of the union's",
}
"""Words for the errors of Pydantic whose own message may hold the value."""

_PYDANTICS: Final = frozenset(get_args(core_schema.ErrorType))
"""The errors of Pydantic itself; a validator of the user's may raise others, and say anything."""

_SCALARS: Final = (str, int, float, bool, bytes)


class Key(Generic[T, D]):
    """One typed slot: values of type ``T`` are stored, reading gives a ``D`` (``T | None`` without a default).

    Args:
        name: The key's name, also in the store.
        annotation: The type, as a Python annotation; ``Annotated`` constraints are enforced on every write.
        default: What reading gives while the key is unset.
    """

    def __init__(self, name: str, annotation: Any, *, default: D | Unset = UNSET) -> None:
        self.name = name
        self.annotation: Any = annotation
        self._default = default

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.annotation!r})"

    @cached_property
    def adapter(self) -> TypeAdapter[T]:
        """The key's validator, built at first use."""
        try:
            return TypeAdapter[T](self.annotation, config=_CONFIG)
        except PydanticUserError as refusal:  # models, dataclasses and TypedDicts bring a config of their own
            if refusal.code != "type-adapter-config-unused":
                raise
            return TypeAdapter[T](self.annotation)

    @cached_property
    def default_bytes(self) -> bytes | None:
        """The default as it would be stored; None when there is none."""
        if isinstance(self._default, Unset):
            return None
        return self.adapter.dump_json(self._default, round_trip=True, by_alias=False)  # type: ignore[arg-type]  # D is T here

    @property
    def default(self) -> D:
        """What reading gives while the key is unset; a new object each time unless it cannot be changed."""
        if isinstance(self._default, Unset):
            return None  # type: ignore[return-value]  # D is T | None here
        if self._default is None or isinstance(self._default, _SCALARS):
            return self._default
        return self.adapter.validate_json(self.default_bytes or b"null", **_BY_NAME)  # type: ignore[return-value]  # D is T

    def encode(self, value: T) -> bytes:
        """Return a value as compact JSON, after making sure that reading it will work.

        Raises:
            SessionValueError: If the value does not fit the key's type and constraints.
        """
        try:
            checked = self.adapter.validate_python(value, strict=True, **_BY_NAME)
            raw = self.adapter.dump_json(checked, round_trip=True, by_alias=False, warnings="error")
            if not isinstance(checked, _SCALARS) or len(raw) > _LONG:
                self.adapter.validate_json(raw, **_BY_NAME)  # a model that was changed after its validation fails here
        except ValidationError as error:
            fits_json = error.errors()[0]["type"] != "json_invalid"
            words = _in_words(error, self.adapter) if fits_json else _unstorable(error)
            raise SessionValueError(f"{self.name}: {words}; nothing was written") from None
        except (PydanticSerializationError, ValueError) as error:
            raise SessionValueError(f"{self.name}: {_unstorable(error)}; nothing was written") from None
        return raw

    def decode(self, raw: bytes | None) -> D:
        """Return the value that stored bytes stand for; the default for None.

        Raises:
            SessionDataError: If the bytes do not fit the key's type.
        """
        if raw is None:
            return self.default
        return self.decode_set(raw)  # type: ignore[return-value]  # every T is a D

    def decode_set(self, raw: bytes) -> T:
        """Return the value that stored bytes stand for.

        Raises:
            SessionDataError: If the bytes do not fit the key's type.
        """
        try:
            return self.adapter.validate_json(raw, **_BY_NAME)
        except ValidationError as error:
            raise SessionDataError(
                f"the stored value does not fit the key's type: {_in_words(error, self.adapter)}; it was left as it is"
            ) from None


class NumberKey(Key[N, ND], Generic[N, ND]):
    """A key that holds a number; it can be incremented."""

    @cached_property
    def start(self) -> bytes:
        """What an increment of the unset key begins from: the default, or 0."""
        return self.default_bytes if self.default_bytes not in (None, b"null") else b"0"

    @cached_property
    def native(self) -> bool:
        """Whether a store may add by itself: a plain int or float, so that there is nothing to validate."""
        return self.annotation in (int, float)


class ListKey(Key[list[ItemT], ID], Generic[ItemT, ID]):
    """A key that holds a list; it can be appended to."""

    @cached_property
    def start(self) -> bytes:
        """What an append to the unset key begins from: the default, or an empty list."""
        return self.default_bytes if self.default_bytes not in (None, b"null") else b"[]"

    @cached_property
    def native(self) -> bool:
        """Whether a store may append by itself: no constraint speaks of the list as a whole."""
        return not hasattr(self.annotation, "__metadata__")

    def encode_items(self, items: tuple[ItemT, ...]) -> list[bytes]:
        """Return each item as JSON.

        Raises:
            SessionValueError: If an item does not fit.
        """
        return [self._one.encode([item])[1:-1] for item in items]

    @cached_property
    def _one(self) -> "Key[list[ItemT]]":
        return Key[list[ItemT]](self.name, self.annotation)


class DictKey(Key[dict[K, V], KD], Generic[K, V, KD]):
    """A key that holds a dict; its entries can be put and popped."""


class JsonKey(Key[Any, Any]):
    """A key of an untyped session: any JSON value."""

    def __init__(self, name: str) -> None:
        super().__init__(name, Any)

    def encode(self, value: object) -> bytes:
        """Return a JSON value as compact JSON.

        Raises:
            SessionValueError: If the value is not made of dict (with str keys), list, str, int, float, bool and None.
        """
        _require_json(self.name, value)
        try:
            raw = to_json(value, inf_nan_mode="constants")
            if len(raw) > _LONG:
                self.adapter.validate_json(raw)
        except (PydanticSerializationError, ValueError) as error:
            raise SessionValueError(f"{self.name}: {_unstorable(error)}; nothing was written") from None
        return raw


def _require_json(where: str, value: object, depth: int = 0) -> None:
    if value is None or isinstance(value, str | bool | int | float):
        return
    if depth > 100:
        raise SessionValueError(f"{where}: nested deeper than 100 levels; nothing was written")
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _require_json(f"{where}[{index}]", item, depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                raise SessionValueError(f"{where}: a JSON object has str keys, got {type(name).__name__}")
            _require_json(f"{where}{{...}}", item, depth + 1)
    else:
        hint = ""
        if isinstance(value, BaseModel):
            hint = "; store value.model_dump(mode='json'), or declare the key in a schema"
        raise SessionValueError(
            f"{where}: {type(value).__name__} is not a JSON value (dict, list, str, int, float, bool, None){hint}"
        )


def _unstorable(error: Exception) -> str:
    """Say why a value cannot be JSON; the error's own text may hold the value."""
    if isinstance(error, PydanticSerializationError) and "surrogates" not in str(error):
        return "it cannot be stored as JSON: a part of it was changed to another type after its validation"
    return "it cannot be stored as JSON: it holds a number that is too long, or text that is not Unicode"


def _in_words(error: ValidationError, adapter: TypeAdapter[Any]) -> str:
    """Say what is wrong and of what type the input was, without the value: that may be a secret."""
    details = error.errors(include_url=False, include_context=False)
    known = _field_names(adapter)
    parts = [_detail_in_words(detail, known) for detail in details[:3]]
    more = len(details) - len(parts)
    return "; ".join(parts) + (f"; and {more} more" if more > 0 else "")


def _field_names(adapter: TypeAdapter[Any]) -> frozenset[str]:
    """Return the names of fields in a type: of what stands in a value, they alone may be shown."""
    try:
        schema = adapter.json_schema(by_alias=False)
    except PydanticUserError:
        return frozenset()
    models = [schema, *schema.get("$defs", {}).values()]
    return frozenset(name for model in models for name in model.get("properties", {}))


def _detail_in_words(detail: ErrorDetails, known: frozenset[str]) -> str:
    where = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" if part in known else "[...]" for part in detail["loc"]
    ).removeprefix(".")
    kind = detail["type"]
    message = _TELLTALES.get(kind, detail["msg"] if kind in _PYDANTICS else "refused by a validator")
    return f"{where + ': ' if where else ''}{message[:1].lower()}{message[1:]} (got {type(detail['input']).__name__})"
