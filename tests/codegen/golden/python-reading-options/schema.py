"""`yaml-reading-options` in Python."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from mcp_sessions import Key, SessionModel, ValueEnum, ValueModel
from pydantic import FailFast, Field, StrictInt


class Status(ValueEnum):
    OPEN = "open"
    PAID = "paid"


class Line(ValueModel):
    sku: str = Field(strict=True, coerce_numbers_to_str=True)
    prices: Annotated[list[Annotated[Decimal, Field(strict=True)]], FailFast()]


class Cart(SessionModel):
    count: StrictInt = 0
    code: Annotated[str | None, Field(coerce_numbers_to_str=True), Key(create="optional")]
    lines: list[Line] = Field(default=[], max_length=9, fail_fast=True)
    pair: Annotated[tuple[int, int], FailFast()]
    status: Status = Field(strict=True)
    born: date = Field(strict=False)
