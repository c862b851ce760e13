"""Types of the user's own."""

from enum import Enum

from pydantic import BaseModel


class Color(Enum):
    RED = "red"
    GREEN = "green"


class Item(BaseModel):
    sku: str
    color: Color = Color.RED


class Address(BaseModel):
    street: str


class Box:
    class Note(BaseModel):
        text: str
