import pathlib
from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Callable, Generic, Literal, TypeVar

from mcp_sessions import SessionModel
from pydantic import BaseModel, Field, create_model
from typing_extensions import TypeAliasType

if TYPE_CHECKING:
    from fractions import Fraction

T = TypeVar("T")


def make() -> type[BaseModel]:
    class Local(BaseModel):
        x: int

    return Local


Local = make()
Made = create_model("Made", x=(int, 1))
Pair = TypeAliasType("Pair", tuple[T, T], type_params=(T,))


class Page(BaseModel, Generic[T]):
    items: list[T]


class Color(Enum):
    RED = "red"


class Twice(BaseModel):
    x: int


First = list[Twice]


class Twice(BaseModel):  # type: ignore[no-redef]
    x: int




class Cart(SessionModel):
    path: pathlib.Path
    local: Local
    made: Made
    first: First
    call: Callable[[], int]
    kind: type[int]
    k: complex
    stream: Iterable[int]
    none: Literal[1.5]
    red: Literal[Color.RED]
    keyed: dict[float, int]
    share: "Fraction"
    shares: list["Fraction"]
    page: Page
    pair: Pair
    opaque: "list[Missing]"
    inner: list[Annotated[int, Field(pattern="x")]]
