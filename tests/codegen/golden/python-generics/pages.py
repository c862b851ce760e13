from typing import Generic, TypeVar

from pydantic import BaseModel
from typing_extensions import TypeAliasType

T = TypeVar("T")


class Item(BaseModel):
    sku: str


class Page(BaseModel, Generic[T]):
    items: list[T]
    rest: int = 0


class ItemPage(Page[Item]):
    pass


Pair = TypeAliasType("Pair", tuple[T, T], type_params=(T,))
