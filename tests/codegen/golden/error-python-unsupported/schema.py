from typing import Annotated, Generic, TypeVar

from mcp_sessions import SessionModel, ValueModel
from pydantic import AfterValidator, ConfigDict, Field, PrivateAttr, computed_field, field_serializer, field_validator

T = TypeVar("T")


class Base(ValueModel):
    a: int


class Derived(Base):
    b: int

    def method(self) -> int:
        return self.b


class Box(ValueModel, Generic[T]):
    x: int


class Line(ValueModel):
    model_config = ConfigDict(frozen=True)

    _secret: int = PrivateAttr(default=1)
    aliased: int = Field(alias="other")
    hidden: int = Field(default=1, exclude=True)
    made: int = Field(default_factory=lambda: 1)
    mode: int | str = Field(union_mode="left_to_right")
    silent: str = Field(default="", repr=False)
    frozen: str = Field(default="", frozen=True)
    kept: str | None = Field(default=None, exclude_if=lambda value: value is None)
    inner: list[Annotated[int, AfterValidator(abs)]]

    @field_validator("aliased")
    @classmethod
    def check(cls, value: int) -> int:
        return value

    @field_serializer("aliased")
    def dump(self, value: int) -> int:
        return value

    @computed_field
    @property
    def double(self) -> int:
        return 2


class Cart(SessionModel, idle=30, vresion=3, name="My Cart"):
    derived: Derived
    boxed: Box[int]
    lines: list[Line]
    bare: list
    wrong: int = "text"
    other: "Cart | None" = None
