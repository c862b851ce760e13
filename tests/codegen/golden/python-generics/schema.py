from typing import Generic, TypeVar

from mcp_sessions import SessionModel
from pages import Item, ItemPage, Page, Pair

T = TypeVar("T")


class Search(SessionModel):
    page: Page[Item]
    numbers: Page[int]
    pages: list[Page[Page[str]]] = []
    named: ItemPage
    pair: Pair[int]


class History(SessionModel, Generic[T]):
    """What was seen."""

    seen: list[T] = []
    last: T | None = None


class Visits(History[str], idle="1h"):
    """Pages that were seen."""


IntHistory = History[int]
