"""Class keywords come down to subclasses; what tells sessions apart does not."""

from typing import Generic, TypeVar

from mcp_sessions import SessionModel

T = TypeVar("T")


class Base(
    SessionModel,
    name="first",
    handle="first_id",
    create_tool="begin",
    end_tool="finish",
    idle="1h",
    version=4,
    reserved=("gone",),
):
    count: int = 0


class Middle(Base, idle="30m", scope="handle"):
    """Has a lifetime of its own."""


class Child(Middle, max="2h"):
    text: str = ""


class Page(SessionModel, Generic[T], idle="10m", scope="transport"):
    items: list[T] = []


Numbers = Page[int]
