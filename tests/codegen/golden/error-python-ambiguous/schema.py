from dataclasses import dataclass
from enum import Enum, IntEnum

from mcp_sessions import SessionModel
from pydantic import BaseModel, RootModel


class Color(str, Enum):
    RED = "red"


class Num(IntEnum):
    ONE = 1


class Odd(Enum):
    PAIR = (1, 2)


class Cat(BaseModel):
    name: str


class Dog(BaseModel):
    name: str


@dataclass
class Point:
    x: int


@dataclass
class Spot:
    x: int


class Ids(RootModel[list[int]]):
    pass


class Cart(SessionModel):
    a: Color | str
    b: Num | int
    c: Cat | Dog
    d: Point | Spot
    e: Cat | dict[str, str]
    f: Ids | list[str]
    g: dict[Num, str] = {}
    h: Odd
    fine: dict[Color, str] = {}
    fine_too: Num | Cat | Ids | str | None
