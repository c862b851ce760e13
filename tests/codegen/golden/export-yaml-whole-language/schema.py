"""Session schemas."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from mcp_sessions import Key, SessionModel, ValueEnum, ValueIntEnum, ValueModel
from pydantic import Field
from web import Method


class Status(ValueEnum):
    """Where an order is in its life."""

    OPEN = "open"
    """Being filled."""
    CHECKOUT = "checkout"
    PAID = "paid, in full"
    """
    Said "paid".
    By the bank.
    """


class Level(ValueIntEnum):
    LOW = 1
    HIGH = 2


class Card(ValueModel):
    kind: Literal["card"]
    number: Annotated[str, Field(pattern="^[0-9]{12,19}$")]


class Invoice(ValueModel):
    kind: Literal["invoice"]
    days: int = 14


class Node(ValueModel):
    """
    A tree.

      Indented, as it was.
    """

    label: str
    children: list["Node"] = []
    next: "Node | None"


class Order(SessionModel, idle="90m", max="30d", reserved=("basket", "old_title")):
    """An order."""

    status: Status = Status.OPEN
    level: Level | None
    quote: Annotated[Decimal, Field(ge=Decimal("0.01")), Key(ttl="5m")]
    title: Annotated[
        str,
        Field(max_length=80, description="What the user calls it."),
        Key(create="optional"),
    ]
    buyer: Annotated[str, Key(create="required")]
    tags: list[Annotated[str, Field(max_length=9)]] = []
    payment: Annotated[Card | Invoice | None, Field(discriminator="kind")]
    tree: Node | None
    day: Annotated[date, Field(ge=date(2020, 1, 1))]
    locale: Annotated[str, Key(renamed_from="language", deprecated="Use title.")]
    home: Path | None
    method: Method | None
    by_status: dict[Status, int] = {Status.OPEN: 1}
    voucher: Annotated[str, Field(max_length=20, description="Good for something."), Key(secret=True)]


class Other(SessionModel):
    ratio: float = float("inf")
