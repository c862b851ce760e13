from datetime import date
from enum import Enum
from typing import Literal

from mcp_sessions import SessionModel
from pydantic import BaseModel, Field, SecretStr, computed_field


class Color(Enum):
    RED = "red"


class Cat(BaseModel):
    name: str
    lives: int = 9


class Dog(BaseModel):
    name: str


class Bird(BaseModel):
    wings: int


class Cart(SessionModel):
    """None of these values would be read back as what they were, but the last."""

    text: str | date
    color: Color | str
    flag: Literal[1] | bool
    pet: Cat | Dog
    pets: list[Cat] | tuple[Cat, ...]
    table: Cat | dict[str, str]
    password: SecretStr
    hidden: int = Field(default=1, exclude=True)
    keyed: dict[tuple[int, int], str] = {}
    fine: Cat | Bird | list[Cat] | str | int | float | None = None

    @computed_field
    @property
    def double(self) -> int:
        return 2


class MadeOfOthers(SessionModel):
    size: int = 1
    double: int = Field(default_factory=lambda data: data["size"] * 2)


class Odd(SessionModel):
    x: int = Field(alias="y")

    def __init__(self, **values: int) -> None:
        super().__init__(**values)
