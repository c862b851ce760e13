"""Generic types of the user's own."""

from typing import Generic, TypeVar

from pydantic import BaseModel

T = TypeVar("T")
U = TypeVar("U")


class Address(BaseModel):
    street: str


class Page(BaseModel, Generic[T]):
    items: list[T] = []


class Pair(BaseModel, Generic[T, U]):
    one: T
    other: U
