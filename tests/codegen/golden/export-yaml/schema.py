"""The same as both-forms-yaml."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from mcp_sessions import SessionModel, ValueModel
from pydantic import Field


class Price(ValueModel):
    """What something costs."""

    amount: Decimal = Field(ge=0, max_digits=10)
    currency: Literal["EUR", "USD"]


class Item(ValueModel):
    sku: str
    price: Price | None = None


class Cart(
    SessionModel,
    version=3,
    idle=timedelta(minutes=30),
    max="1d",
    scope="handle",
    handle="basket",
    create_tool="new_basket",
    end_tool="drop_basket",
    list_tool="list_baskets",
):
    """A shopping cart."""

    visits: int = 0
    items: Annotated[list[Item], Field(max_length=50)] = Field(default_factory=list, description="What is in it.")
    status: Literal["open", "paid"] = "open"
    coupon: str | None
    opened: datetime = datetime(2020, 1, 2, 3, 4, 5)
    prices: dict[str, Decimal]
    tags: set[str] = {"a", "b"}
    best: Item = Item(sku="abc")
