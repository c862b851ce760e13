from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID, uuid4

from mcp_sessions import Key, SessionModel, ValueEnum, ValueModel
from pydantic import AfterValidator, AliasChoices, ConfigDict, Field, PrivateAttr, StrictInt, computed_field
from pydantic import field_validator, model_validator


class Status(ValueEnum):
    OPEN = "open"


class Item(ValueModel):
    sku: str
    qty: int = Field(default=1, ge=1)


class Cat(ValueModel):
    lives: int


class Dog(ValueModel):
    name: str


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("it is odd")
    return value


class Cart(SessionModel, idle="30m", handle="basket"):
    """A cart with rules of its own."""

    model_config = ConfigDict(validate_assignment=True, str_strip_whitespace=True)

    id: UUID = Field(default_factory=uuid4)
    """Made for each cart."""

    title: str = Field(default="", max_length=80, alias="Title")
    status: Status = Status.OPEN
    items: list[Item] = []
    even: Annotated[int, AfterValidator(_even)] = 0
    strict: StrictInt = 1
    coupon: str | None = Field(default=None, validation_alias=AliasChoices("coupon", "code"))
    quote: Annotated[Decimal | None, Key(ttl="5m", create="optional")] = None
    meta: dict[str, Any] = {}
    pet: Cat | Dog | None = None
    _seen: int = PrivateAttr(default=0)

    @field_validator("title")
    @classmethod
    def check_title(cls, value: str) -> str:
        return value.title()

    @model_validator(mode="after")
    def check_all(self) -> "Cart":
        return self

    @computed_field
    @property
    def size(self) -> int:
        return len(self.items)
