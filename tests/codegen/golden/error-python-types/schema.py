import pathlib
from typing import Callable, Literal

from mcp_sessions import SessionModel
from pydantic import BaseModel


def make() -> type[BaseModel]:
    class Local(BaseModel):
        x: int

    return Local


Local = make()


class Cart(SessionModel):
    path: pathlib.Path
    local: Local
    call: Callable[[], int]
    none: Literal[1.5]
    keyed: dict[float, int]
