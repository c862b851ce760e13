"""Models of an application, used as schemas as they are."""

from pydantic import BaseModel


class Line(BaseModel):
    sku: str
    qty: int = 1


class Basket(BaseModel):
    """What a customer wants to buy."""

    lines: list[Line] = []


class Wizard(BaseModel):
    step: int = 1


class Unused(BaseModel):
    step: int = 1
