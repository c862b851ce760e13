from enum import Enum

from pydantic import BaseModel


class Status(Enum):
    OPEN = "open"
    PAID = "paid"


class Address(BaseModel):
    street: str
