"""Keys: one typed slot of a session each, and the way between its values and their stored bytes.

Owns validation and (de)serialisation of single values. Knows nothing of stores or of whose session it is.
"""

from functools import cached_property
from typing import Any, Final, Generic, Literal, TypeAlias, TypedDict, overload

from pydantic import BaseModel, ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError
from typing_extensions import TypeVar

from mcp_sessions.durations import Duration
from mcp_sessions.errors import SessionDataError, SessionValueError
from mcp_sessions.refusals import in_words, unstorable

Create: TypeAlias = Literal["required", "optional"]
"""Whether the tool that begins a session must be given a key's value, or may be."""


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

LONG: Final = 4000
"""Bytes from which on a number may have more digits than Python reads back (``sys.set_int_max_str_digits``)."""

_SCALARS: Final = (str, int, float, bool, bytes)


class Key(Generic[T, D]):
    """One typed slot: values of type ``T`` are stored, reading gives a ``D`` (``T | None`` without a default).

    In a schema, a key without a name is the place for what a type cannot say, and no more than a note to the compiler:
    ``quote: Annotated[Decimal, Key(ttl="5m", create="optional")]``.

    Args:
        name: The key's name, also in the store.
        annotation: The type, as a Python annotation; ``Annotated`` constraints are enforced on every write.
        default: What reading gives while the key is unset.
        model: The user's own class with a field of that name; then type, validators and default are that field's.
        ttl: Seconds from its last write after which the key is unset again; in a schema a duration, such as "5m".
        create: Whether the tool that begins a session has a parameter for the key, and whether that is required.
        doc: That parameter's description; generated code gives it for keys with ``create``, if they have one.
        renamed_from: The name that the key had before; in a schema only.
        deprecated: Why the key should not be used, and what to use instead; in a schema only.
    """

    @overload
    def __init__(
        self,
        name: str,
        annotation: Any,
        *,
        default: D | Unset = ...,
        ttl: float | None = ...,
        create: Create | None = ...,
        doc: str = ...,
    ) -> None: ...
    @overload
    def __init__(
        self, name: str, *, model: type[BaseModel], ttl: float | None = ..., create: Create | None = ..., doc: str = ...
    ) -> None: ...
    @overload
    def __init__(
        self: "Key[Any, Any]",
        *,
        ttl: Duration = ...,
        create: Create = ...,
        renamed_from: str = ...,
        deprecated: str = ...,
    ) -> None: ...

    def __init__(self, name: str = "", annotation: Any = None, **options: Any) -> None:
        # Options of a schema are taken as they are: the compiler checks them, and reports with file and line.
        self.name = name
        self.annotation: Any = annotation
        self.options: dict[str, object] = options
        self._default: D | Unset = options.get("default", UNSET)
        self.ttl: float | None = options.get("ttl")
        self.create: Create | None = options.get("create")
        self.doc: str = options.get("doc", "")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.annotation!r})"

    @property
    def ttls(self) -> dict[str, float]:
        """The time to live that each write of the key goes with, as a store takes it."""
        return {} if self.ttl is None else {self.name: self.ttl}

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
            if not isinstance(checked, _SCALARS) or len(raw) > LONG:
                self.adapter.validate_json(raw, **_BY_NAME)  # a model that was changed after its validation fails here
        except ValidationError as error:
            fits_json = error.errors()[0]["type"] != "json_invalid"
            words = in_words(error, self.adapter) if fits_json else unstorable(error)
            raise SessionValueError(f"{self.name}: {words}; nothing was written") from None
        except (PydanticSerializationError, ValueError) as error:
            raise SessionValueError(f"{self.name}: {unstorable(error)}; nothing was written") from None
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
                f"the stored value does not fit the key's type: {in_words(error, self.adapter)}; it was left as it is"
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
