from datetime import datetime

from pydantic import BaseModel, Field


class Line(BaseModel):
    sku: str
    qty: int = Field(default=1, ge=1)


class Order(BaseModel):
    """An order, as the shop knows it."""

    number: str = Field(description="As printed.", pattern="^[0-9]+$")
    placedAt: datetime | None = None
    lines: list[Line] = []
    """What was ordered."""
