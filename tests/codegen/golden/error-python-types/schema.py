import pathlib
from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel

from mcp_sessions import SessionModel


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
