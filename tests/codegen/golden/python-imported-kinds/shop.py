"""Types of every kind that a schema may import."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, NewType

from pydantic import BaseModel
from typing_extensions import TypeAliasType, TypedDict

UserId = NewType("UserId", int)
Names = TypeAliasType("Names", dict[str, list[str]])
Tree = TypeAliasType("Tree", "dict[str, Tree] | int")


class Color(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: int = 0


class Movie(TypedDict):
    title: str


class Size(NamedTuple):
    width: int
    height: int


class Outer(BaseModel):
    class Inner(BaseModel):
        x: int

    inner: Inner
    parent: "Outer | None" = None
