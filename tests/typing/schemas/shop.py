"""What a user has already: types, and models that are sessions as they are."""

from enum import Enum
from typing import NewType

from pydantic import BaseModel, Field, field_validator

UserId = NewType("UserId", str)


class Colour(Enum):
    """An enum of the user's own."""

    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    """Where somebody lives."""

    street: str


class Line(BaseModel):
    """One line of a basket."""

    sku: str
    qty: int = 1


class Basket(BaseModel):
    """Every field has a default: a snapshot is a basket."""

    owner: UserId | None = None
    colour: Colour = Colour.RED
    lines: list[Line] = []
    by_sku: dict[str, Line] = Field(default_factory=dict, alias="bySku")
    visits: int = 0

    @field_validator("lines")
    @classmethod
    def keep_those_with_a_quantity(cls, lines: list[Line]) -> list[Line]:
        """A reason to ask the model whenever a value is written."""
        return [line for line in lines if line.qty]


class Ticket(BaseModel):
    """A field has no default: a snapshot is a TicketState."""

    number: str
    holder: UserId
    home: Address | None = None
