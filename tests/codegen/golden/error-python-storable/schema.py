from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mcp_sessions import SessionModel
from pydantic import BaseModel, Field, Secret, SecretStr, field_serializer, model_serializer


class Account(BaseModel):
    name: str
    note: str = Field(default="", exclude=True)


class Card(BaseModel):
    number: SecretStr


class Line(BaseModel):
    cards: list[Card] = []
    order: "Order | None" = None


class Order(BaseModel):
    lines: dict[str, Line] = {}


@dataclass
class Wallet:
    card: Secret[int]


class Grid(BaseModel):
    cells: dict[tuple[int, int], str] = {}


class Tags(BaseModel):
    tags: list[str] = []

    @field_serializer("tags")
    def join(self, value: list[str]) -> str:
        return ",".join(value)


class When(BaseModel):
    when: datetime = datetime(2020, 1, 2)

    @field_serializer("when")
    def shorten(self, value: datetime) -> str:
        return value.strftime("%A")


class Flat(BaseModel):
    x: int

    @model_serializer
    def flatten(self) -> str:
        return str(self.x)


class Cart(SessionModel):
    account: Account | None
    order: list[Order]
    wallet: Wallet
    grid: Grid
    tags: Tags
    when: When
    flat: Flat
    word: SecretStr
    missing: "list[Nowhere]" = []
    anything: Any
