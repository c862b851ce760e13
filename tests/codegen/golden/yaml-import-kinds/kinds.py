"""Types of all kinds that a YAML schema may name."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, NamedTuple, NewType

from pydantic import AnyUrl, BaseModel, Field
from typing_extensions import TypeAliasType, TypedDict

from mcp_sessions import ValueEnum, ValueModel

UserId = NewType("UserId", int)
Price = Annotated[Decimal, Field(ge=0, max_digits=8)]
Names = list[str]
Tree = TypeAliasType("Tree", "dict[str, Tree] | int")


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(Enum):
    ONE = 1
    TEXT = "text"


class Mood(ValueEnum):
    GOOD = "good"


class Note(ValueModel):
    text: str
    mood: Mood = Mood.GOOD


@dataclass
class Point:
    x: int
    y: int


class Pair(NamedTuple):
    one: int
    other: str


class Options(TypedDict):
    verbose: bool


class Site(BaseModel):
    url: AnyUrl
