from typing import Generic, TypeVar

from pydantic import BaseModel, SecretStr

T = TypeVar("T")


class Item(BaseModel):
    sku: str


class Box:
    class Note(BaseModel):
        text: str


class Secret(BaseModel):
    word: SecretStr


class Page(BaseModel, Generic[T]):
    items: list[T] = []


class Open:
    """No model."""


def FUNCTION() -> None: ...
