"""The form of a key that is a field of the user's own model: its validators, serializers, config and default.

A key is read and written alone, so each has a model of its own with just that field; validators find nothing else in
``info.data``. What speaks of several fields at once (model validators, computed fields, private attributes) is left to
``snapshot()``, which makes an object of the user's class.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, cached_property
from typing import Annotated, Any, Final, Generic, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    PydanticUserError,
    TypeAdapter,
    WrapValidator,
    create_model,
    field_serializer,
)
from pydantic.fields import FieldInfo
from pydantic_core import to_json

from mcp_sessions.errors import InterfaceError
from mcp_sessions.forms import BY_NAME, CONFIG, UNSET, Naming, Unset

T = TypeVar("T")

_MODES: Final = {
    "before": BeforeValidator,
    "after": AfterValidator,
    "plain": PlainValidator,
    "wrap": WrapValidator,
}

_KEPT: Final = ("title", "description", "examples", "discriminator", "json_schema_extra", "validate_default")
"""What is taken over of a field besides its type and default: not its aliases, nor what hides it from output."""

_ALWAYS_ALIKE: Final = (None, list, dict, set, frozenset)
"""Factories that make the same each time."""

_BASE64: Final = "base64url"
"""What the JSON schema of bytes has, if they are written so."""

_LEFT: Final = ("alias_generator", "title", "json_schema_extra", "extra", "defer_build")
"""What is not taken over of a model's config."""


def reader_of(model: type[BaseModel], forms: Iterable[object]) -> type[BaseModel]:
    """Return what reads a whole session: the model, or one like it that reads bytes as its keys write them.

    A key can hold any bytes, because they are written in base64; a model takes them for text unless its config says
    otherwise.
    """
    is_needed = any(isinstance(form, BoundForm) and form.has_bytes for form in forms)
    if "val_json_bytes" in model.model_config or not is_needed:
        return model
    return _like(model, CONFIG)


@cache
def draft_of(model: type[BaseModel]) -> type[BaseModel]:
    """Return what a draft is an object of: the model, or one like it that takes any assignment.

    What two assignments make of a draft is checked when both are done, so a model that checks each must not; and a
    model whose objects are frozen has drafts as well.
    """
    is_strict = model.model_config.get("validate_assignment") or model.model_config.get("frozen")
    return _like(model, ConfigDict(validate_assignment=False, frozen=False)) if is_strict else model


def _like(model: type[BaseModel], config: ConfigDict) -> type[BaseModel]:
    namespace = {"__module__": model.__module__, "__qualname__": model.__qualname__, "model_config": config}
    metaclass: Any = type(model)
    return cast("type[BaseModel]", metaclass(model.__name__, (model,), namespace))


class BoundForm(Generic[T]):
    """The form of one field of a model; everything is built at first use."""

    depth = 1

    def __init__(self, model: type[BaseModel], name: str) -> None:
        self._model = model
        self._name = name
        self._prefix = b"{" + to_json(name) + b":"

    @cached_property
    def _field(self) -> FieldInfo:
        self._model.model_rebuild()  # for forward references; does nothing when there is nothing to do
        field = self._model.model_fields.get(self._name)
        if field is None:
            raise InterfaceError(
                f"{self._model.__module__}.{self._model.__qualname__} has no field {self._name!r} any more: run "
                f"mcp-sessiongen generate again"
            )
        return field

    @cached_property
    def annotation(self) -> Any:
        """See ``Form.annotation``."""
        kept = {name: value for name in _KEPT if (value := getattr(self._field, name)) is not None}
        return Annotated[self._field.annotation, *self._field.metadata, Field(**kept)]

    @cached_property
    def adapter(self) -> TypeAdapter[T]:
        """See ``Form.adapter``."""
        return TypeAdapter[T](self.annotation)

    @cached_property
    def has_bytes(self) -> bool:
        """Whether bytes of the field itself, not of a model in it, are written."""
        try:
            return _BASE64 in str(self._slot.model_json_schema())
        except (PydanticUserError, ValueError):  # there is no JSON schema for it
            return True

    @cached_property
    def is_bare(self) -> bool:
        """See ``Form.is_bare``."""
        functions = self._validators or self._serializers
        return not (self._field.metadata or self._field.default_factory or functions or self._config != CONFIG)

    @cached_property
    def makes_default(self) -> bool:
        """See ``Form.makes_default``."""
        return self._field.default_factory not in _ALWAYS_ALIKE

    @cached_property
    def _config(self) -> ConfigDict:
        own = {name: value for name, value in self._model.model_config.items() if name not in _LEFT}
        return cast("ConfigDict", {**CONFIG, **own})

    @cached_property
    def _validators(self) -> list[Any]:
        """The validators of this field in their order, as Pydantic itself adds them to a type."""
        found = self._model.__pydantic_decorators__
        if any(self._name in old.info.fields for old in found.validators.values()):
            raise TypeError(f"{self._model.__qualname__}.{self._name} has a @validator; use @field_validator instead")
        speaking = [validator for validator in found.field_validators.values() if self._is_among(validator.info.fields)]
        return [_MODES[validator.info.mode](validator.func) for validator in speaking]

    @cached_property
    def _serializers(self) -> dict[str, Callable[..., Any]]:
        made: dict[str, Callable[..., Any]] = {}
        for name, serializer in self._model.__pydantic_decorators__.field_serializers.items():
            info = serializer.info
            if self._is_among(info.fields):
                decorate = field_serializer(
                    self._name, mode=info.mode, return_type=info.return_type, when_used=info.when_used
                )
                made[name] = decorate(serializer.func)
        return made

    def _is_among(self, fields: Sequence[str]) -> bool:
        return self._name in fields or "*" in fields

    @cached_property
    def _slot(self) -> type[BaseModel]:
        """The model of this field alone."""
        default: Any = ...
        if self._field.default_factory is not None:
            default = Field(default_factory=self._field.default_factory)
        elif not self._field.is_required():
            default = self._field.default
        fields: dict[str, Any] = {self._name: (Annotated[self.annotation, *self._validators, Field()], default)}
        return create_model(
            self._model.__name__,
            __config__=cast("ConfigDict", {**self._config, "extra": "forbid"}),
            __validators__=self._serializers,
            __module__=self._model.__module__,
            **fields,
        )

    def check(self, value: object) -> T:
        """See ``Form.check``."""
        return self._value(self._slot.model_validate({self._name: value}, strict=True, **BY_NAME))

    def dump(self, value: T) -> bytes:
        """See ``Form.dump``."""
        fields: dict[str, Any] = {self._name: value}
        slot = self._slot.model_construct(**fields)
        raw = slot.__pydantic_serializer__.to_json(slot, by_alias=False, round_trip=True, warnings="error")
        return raw[len(self._prefix) : -1]

    def load(self, raw: bytes, names: Naming = BY_NAME) -> T:
        """See ``Form.load``."""
        return self._value(self._slot.model_validate_json(self._prefix + raw + b"}", **names))

    def default(self) -> T | Unset | None:
        """See ``Form.default``."""
        return UNSET if self._field.is_required() else self._value(self._slot.model_validate({}, **BY_NAME))

    def _value(self, slot: BaseModel) -> T:
        value: T = slot.__dict__[self._name]
        return value
