from typing import Annotated

from mcp_sessions import Key, SessionModel, ValueModel
from pydantic import Field


class Line(ValueModel):
    text: Annotated[str, Key(ttl="5m")]


class Cart(SessionModel, reserved="x", idle=3):
    wrong: Annotated[int, Key(ttl=3, create="maybe", renamed_from="a b", deprecated="", nope=1)] = 1
    inside: list[Annotated[int, Key(ttl="5m")]] = []
    lines: list[Line] = []
    named: Annotated[int, Key("other")] = 1
    several: Annotated[int, Key(ttl="5m"), Key(create="often")] = 1
    both: Annotated[int, Key(create="required")] = Field(default=1, deprecated=True)


class Basket(SessionModel, name="cart"):
    x: int = 0
