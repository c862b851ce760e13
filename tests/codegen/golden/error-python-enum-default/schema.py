from enum import Enum

from mcp_sessions import SessionModel, ValueEnum


class Status(ValueEnum):
    OPEN = "open"
    PAID = "paid"


class Size(Enum):
    SMALL = 1
    LARGE = 2


class CartSession(SessionModel):
    status: Status = "paid"
    size: Size | None = 2
    other: Status = "lost"
