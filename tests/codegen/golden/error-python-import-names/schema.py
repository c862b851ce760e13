from mcp_sessions import SessionModel
from shop import color, get, Größe, int_
from shop import list as listed


class Cart(SessionModel):
    color: color | None
    other: get | None
    size: Größe | None
    number: int_ | None
    listed: listed | None
