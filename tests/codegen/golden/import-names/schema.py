import other
from mcp_sessions import SessionModel
from shop import CartKey, Session, color, get
from shop import list as listed


class Cart(SessionModel):
    color: color = color.RED
    other: get | None
    listed: dict[listed, Session] = {listed.A: Session.A}
    key: CartKey | None
    nested: list[other.Session] = [other.Session(number=5)]
    third: other.CartKey | None
