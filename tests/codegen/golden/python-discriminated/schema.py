from typing import Annotated, Literal

from mcp_sessions import SessionModel, ValueModel
from pydantic import Field


class Cat(ValueModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(ValueModel):
    kind: Literal["dog"] = "dog"
    name: str


class Shelter(SessionModel):
    first: Cat | Dog = Field(discriminator="kind")
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]] = []
