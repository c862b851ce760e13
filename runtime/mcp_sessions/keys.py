"""Keys: one typed slot of a session each, and the way between its values and their stored bytes.

Owns validation and (de)serialisation of single values. Knows nothing of stores or of whose session it is.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final, Generic, Literal, TypeAlias, get_args, get_origin, overload

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, to_json
from typing_extensions import TypeVar

from mcp_sessions.bound import BoundForm
from mcp_sessions.durations import Duration
from mcp_sessions.errors import InterfaceError, SessionDataError, SessionValueError
from mcp_sessions.forms import BY_BOTH, SCALARS, UNSET, Form, PlainForm, Unset
from mcp_sessions.refusals import in_words, misfit, unstorable

Create: TypeAlias = Literal["required", "optional"]
"""Whether the tool that begins a session must be given a key's value, or may be."""


T = TypeVar("T")
D = TypeVar("D", default=T)
N = TypeVar("N")
ND = TypeVar("ND", default=N)
ItemT = TypeVar("ItemT")
ID = TypeVar("ID", default=list[ItemT])
K = TypeVar("K")
V = TypeVar("V")
KD = TypeVar("KD", default=dict[K, V])

_OPTIONS: Final = frozenset({"default", "model", "ttl", "create", "doc", "renamed_from", "deprecated", "secret"})
"""All that can be said of a key besides its name and type."""

LONG: Final = 4000
"""Bytes from which on a number may have more digits than Python reads back (``sys.set_int_max_str_digits``)."""


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
        secret: Whether the value is for the tools alone: whoever shows sessions to people masks it.

    Raises:
        InterfaceError: If generated code says of the key what this runtime does not know.
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
        secret: bool = ...,
    ) -> None: ...
    @overload
    def __init__(
        self,
        name: str,
        *,
        model: type[BaseModel],
        ttl: float | None = ...,
        create: Create | None = ...,
        doc: str = ...,
        secret: bool = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: "Key[Any, Any]",
        *,
        ttl: Duration = ...,
        create: Create = ...,
        renamed_from: str = ...,
        deprecated: str = ...,
        secret: bool = ...,
    ) -> None: ...

    def __init__(self, name: str = "", annotation: Any = None, **options: Any) -> None:
        # Options of a schema are taken as they are: the compiler checks them, and reports with file and line.
        if name and not options.keys() <= _OPTIONS:
            raise _too_new(name, options)
        self.name = name
        self.options: dict[str, object] = options
        self.model: type[BaseModel] | None = options.get("model")
        self.ttl: float | None = options.get("ttl")
        self.create: Create | None = options.get("create")
        self.doc: str = options.get("doc", "")
        self.secret: bool = options.get("secret", False)
        self.form: Form[T] = (
            PlainForm[T](annotation, options.get("default", UNSET))
            if self.model is None
            else BoundForm[T](self.model, name)
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.model or self.form.annotation!r})"

    @property
    def ttls(self) -> dict[str, float]:
        """The time to live that each write of the key goes with, as a store takes it."""
        return {} if self.ttl is None else {self.name: self.ttl}

    @property
    def default(self) -> D:
        """What reading gives while the key is unset; a new object each time unless it cannot be changed.

        Raises:
            SessionDataError: If the user's own model cannot make it.
        """
        try:
            default = self.form.default()
        except (ValidationError, KeyError) as error:
            why = in_words(error, self.form) if isinstance(error, ValidationError) else "it is made from other fields"
            raise SessionDataError(f"the key is unset, and its default cannot be used: {why}") from None
        return None if isinstance(default, Unset) else default  # type: ignore[return-value]  # D is T | None, or T

    def encode(self, value: T) -> bytes:
        """Return a value as compact JSON, after making sure that reading it will work.

        Raises:
            SessionValueError: If the value does not fit the key's type and constraints.
        """
        return self._encoded(self.form.check, value)

    def encode_json(self, value: object) -> bytes:
        """Do the same with a value as JSON has it, from outside: a date is text there, and a model is a dict.

        Raises:
            SessionValueError: If the value does not fit the key's type and constraints.
        """
        return self._encoded(lambda given: self.form.load(to_json(given), BY_BOTH), value)

    def _encoded(self, check: Callable[[object], T], value: object) -> bytes:
        try:
            checked = check(value)
            raw = self.form.dump(checked)
            if self.form.depth or not isinstance(checked, SCALARS) or len(raw) > LONG:
                again = self.form.load(raw)  # a model that was changed after its validation fails here
                if again != checked and self.form.dump(again) != raw:
                    raise SessionValueError(f"{self.name}: it would be read as another value; nothing was written")
        except ValidationError as error:
            fits_json = error.errors()[0]["type"] != "json_invalid"
            words = in_words(error, self.form) if fits_json else unstorable(error)
            raise SessionValueError(f"{self.name}: {words}; nothing was written") from None
        except (PydanticSerializationError, ValueError) as error:
            if isinstance(error, SessionValueError):
                raise
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
            return self.form.load(raw)
        except ValidationError as error:
            raise SessionDataError(
                f"the stored value does not fit the key's type: {misfit(raw, error, self.form)}; it was left as it is"
            ) from None

    def _start(self, empty: bytes) -> bytes:
        """Return what an increment or an append of the unset key begins from."""
        default: Any = self.default
        return empty if default is None else self.form.dump(default)


class NumberKey(Key[N, ND], Generic[N, ND]):
    """A key that holds a number; it can be incremented."""

    @cached_property
    def start(self) -> bytes:
        """What an increment of the unset key begins from: the default, or 0."""
        return self._start(b"0")

    @cached_property
    def native(self) -> bool:
        """Whether a store may add by itself: a plain int or float, so that there is nothing to validate."""
        return self.form.is_bare and _type_of(self.form) in (int, float)


class ListKey(Key[list[ItemT], ID], Generic[ItemT, ID]):
    """A key that holds a list; it can be appended to."""

    @cached_property
    def start(self) -> bytes:
        """What an append to the unset key begins from: the default, or an empty list."""
        return self._start(b"[]")

    @cached_property
    def native(self) -> bool:
        """Whether a store may append by itself: nothing speaks of the list as a whole."""
        return self.form.is_bare and get_origin(_type_of(self.form)) is list

    def encode_items(self, items: tuple[ItemT, ...]) -> list[bytes]:
        """Return each item as JSON.

        Raises:
            SessionValueError: If an item does not fit.
        """
        return [self.encode([item])[1:-1] for item in items]


class DictKey(Key[dict[K, V], KD], Generic[K, V, KD]):
    """A key that holds a dict; its entries can be put and popped."""


def _too_new(name: str, options: Mapping[str, object]) -> InterfaceError:
    """Return the error for generated code that says of a key what is not understood here, so would be left undone."""
    unknown = sorted(options.keys() - _OPTIONS)
    return InterfaceError(
        f"the key {name!r} has the option {unknown[0]!r}, which the installed mcp_sessions does not know. Upgrade "
        f"mcp-sessiongen where this runs."
    )


def _type_of(form: Form[Any]) -> Any:
    """Return a form's type without its constraints."""
    annotation = form.annotation
    return get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation
