"""Forms: how the values of one key are checked, and become JSON and values again, by Pydantic.

Here is the form that an annotation gives; that of a field of the user's own model is in ``bound``.
"""

from functools import cached_property
from typing import Any, Final, Generic, Literal, Protocol, TypedDict, TypeVar, cast

from pydantic import ConfigDict, PydanticUserError, TypeAdapter
from pydantic_core import SchemaSerializer, SchemaValidator

T = TypeVar("T")


class Unset:
    """The type of ``UNSET``."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()
"""Stands for "no default": unset and None are different things."""

SCALARS: Final = (str, int, float, bool, bytes)

CONFIG: Final = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="constants")


class Naming(TypedDict):
    """By what names a validator finds the fields of models."""

    by_alias: bool
    by_name: bool


BY_NAME: Final = Naming(by_alias=False, by_name=True)
"""A model's aliases are for the outside world; what is stored goes by the names of its fields."""

BY_BOTH: Final = Naming(by_alias=True, by_name=True)


class Form(Protocol[T]):
    """How the values of one key are checked, and become JSON and values again.

    Each method raises Pydantic's errors; ``depth`` says how many parts of an error's location lead to the value.
    """

    depth: int

    @property
    def annotation(self) -> Any:
        """The type of the values, with its constraints."""
        ...

    @property
    def adapter(self) -> TypeAdapter[T]:
        """Describes the values: as a JSON schema, and in the words of errors."""
        ...

    @property
    def is_bare(self) -> bool:
        """Whether the type's values need no check as a whole: no constraint or validator speaks of them."""
        ...

    @property
    def makes_default(self) -> bool:
        """Whether each default may be another one, such as a new id: then the first that is read has to stay."""
        ...

    def check(self, value: object) -> T:
        """Return a value that fits, strictly."""
        ...

    def dump(self, value: T) -> bytes:
        """Return a checked value as compact JSON."""
        ...

    def load(self, raw: bytes, names: Naming = BY_NAME) -> T:
        """Return the value that JSON stands for."""
        ...

    def default(self) -> T | Unset | None:
        """Return the default, a new object each time unless it cannot be changed."""
        ...


class PlainForm(Generic[T]):
    """The form that an annotation gives; the validator is built at first use."""

    depth = 0
    makes_default = False

    def __init__(self, annotation: Any, default: T | Unset | None) -> None:
        self.annotation: Any = annotation
        self._default = default

    @cached_property
    def adapter(self) -> TypeAdapter[T]:
        """See ``Form.adapter``."""
        try:
            return TypeAdapter[T](self.annotation, config=CONFIG)
        except PydanticUserError as refusal:  # models, dataclasses and TypedDicts bring a config of their own
            if refusal.code != "type-adapter-config-unused":
                raise
            return TypeAdapter[T](self.annotation)

    @property
    def is_bare(self) -> bool:
        """See ``Form.is_bare``."""
        return not hasattr(self.annotation, "__metadata__")

    # The adapter's own methods do the same as its validator and serializer, and take twice as long for a number.

    @cached_property
    def _validator(self) -> SchemaValidator:
        return cast("SchemaValidator", self.adapter.validator)  # which a plugin of Pydantic may be around

    @cached_property
    def _serializer(self) -> SchemaSerializer:
        return self.adapter.serializer

    @cached_property
    def _warnings(self) -> Literal["error", False]:
        """What to make of a value of another type: no checked value of a scalar type is one, and looking costs."""
        return False if self.annotation in SCALARS else "error"

    def check(self, value: object) -> T:
        """See ``Form.check``."""
        return cast("T", self._validator.validate_python(value, strict=True, by_alias=False, by_name=True))

    def dump(self, value: T) -> bytes:
        """See ``Form.dump``."""
        return self._serializer.to_json(value, round_trip=True, by_alias=False, warnings=self._warnings)

    def load(self, raw: bytes, names: Naming = BY_NAME) -> T:
        """See ``Form.load``."""
        return cast("T", self._validator.validate_json(raw, **names))

    def default(self) -> T | Unset | None:
        """See ``Form.default``."""
        if self._default is None or isinstance(self._default, (Unset, *SCALARS)):
            return self._default
        return self.load(self.dump(self._default))
