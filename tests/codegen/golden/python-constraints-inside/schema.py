from typing import Annotated

from mcp_sessions import SessionModel, ValueModel
from pydantic import Field, PositiveInt, conlist, constr


class Line(ValueModel):
    tags: list[Annotated[str, Field(max_length=9)]] = []


class Cart(SessionModel):
    amounts: list[PositiveInt] = [1]
    scores: dict[str, Annotated[float, Field(ge=0, le=1, description="A share.")]]
    codes: conlist(constr(pattern="^[A-Z]+$"), min_length=1)  # type: ignore[valid-type]
    limit: Annotated[int, Field(gt=0)] | None = None
    lines: list[Line] = []
