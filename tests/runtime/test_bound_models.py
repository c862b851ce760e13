"""Bound keys of models as people write them: inheritance, generics, every mode of validator, odd configs."""

import enum
import threading
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_serializer,
)

from mcp_sessions import Key, ListKey, SessionDataError, SessionValueError

T = TypeVar("T")


class Base(BaseModel):
    name: str = "base"

    @classmethod
    def longest(cls) -> int:
        return 5

    @field_validator("*", mode="before")
    @classmethod
    def strip(cls, value: object) -> object:
        return value.strip() if isinstance(value, str) else value

    @field_validator("name")
    @classmethod
    def is_short(cls, value: str) -> str:
        assert len(value) <= cls.longest()
        return value


class Derived(Base):
    other: str = ""

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)
        raise AssertionError("no key needs an object of the whole class")

    @classmethod
    def longest(cls) -> int:
        return 7

    @field_validator("other", mode="wrap")
    @classmethod
    def shout(cls, value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> str:
        text: str = handler(value)
        return text.upper()

    @model_serializer
    def nothing(self) -> dict[str, object]:
        return {}


def test_validators_are_inherited_and_called_on_the_class_that_is_bound() -> None:
    key = Key[str]("name", model=Derived)
    assert key.decode(key.encode("  1234567 ")) == "1234567"
    with pytest.raises(SessionValueError):
        key.encode("12345678")
    with pytest.raises(SessionValueError):
        Key[str]("name", model=Base).encode("1234567")
    assert key.decode(None) == "base"
    assert Key[str]("other", model=Derived).encode(" a ") == b'"A"'


class Page(BaseModel, Generic[T]):
    items: list[T] = []


def test_generic_models_are_bound_with_their_arguments() -> None:
    key = ListKey[int]("items", model=Page[int])
    assert key.native
    with pytest.raises(SessionValueError, match="valid integer"):
        key.encode_items(("x",))  # type: ignore[arg-type]  # that is the point


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"


class Colour(enum.Enum):
    RED = "red"


class Odd(BaseModel):
    model_config = ConfigDict(use_enum_values=True, extra="forbid", validate_assignment=True, populate_by_name=True)

    pet: Cat | Dog | None = Field(None, discriminator="kind")
    colour: Colour = Field(Colour.RED, validate_default=True)
    raw: bytes = b""
    years: Annotated[int, BeforeValidator(lambda value: int(value) if isinstance(value, str) else value)] = 0
    hidden: str = Field("", deprecated=True, exclude=True, validation_alias="HIDDEN", serialization_alias="Hidden")


@pytest.mark.parametrize(
    ("name", "value"), [("pet", Cat(lives=3)), ("pet", None), ("raw", b"\xff\0"), ("years", 7), ("hidden", "x")]
)
def test_a_value_is_read_as_it_was_written(name: str, value: object) -> None:
    key = Key[Any]("pet" if name == "pet" else name, model=Odd)
    assert key.decode(key.encode(value)) == value


def test_config_and_field_say_what_a_default_and_a_value_become() -> None:
    key = Key[Any]("colour", model=Odd)
    assert key.decode(None) == "red"
    assert key.decode(key.encode(Colour.RED)) == "red"
    assert Key[int]("years", model=Odd).encode("12") == b"12"  # type: ignore[arg-type]  # its validator takes text


@pytest.mark.parametrize("raw", [b"", b"{", b'1,"other":2', b"1}", b'"x"', b"null", b"[]"])
def test_damaged_bytes_are_refused(raw: bytes) -> None:
    class Plain(BaseModel):
        size: int = 0
        other: int = 0

    with pytest.raises(SessionDataError, match="does not fit"):
        Key[int]("size", model=Plain).decode(raw)


def test_a_key_may_be_used_first_by_many_threads_at_once() -> None:
    key, answers = Key[str]("name", model=Derived), list[str]()
    gate = threading.Barrier(8)

    def use() -> None:
        gate.wait()
        answers.append(key.decode(key.encode("x")))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["x"] * 8
