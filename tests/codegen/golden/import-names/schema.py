import other
from mcp_sessions import SessionModel
from shop import CartKey, Session, get
from shop import color as paint
from shop import list as listed


class Cart(SessionModel):
    color: paint = paint.RED
    next: get | None
    kinds: dict[listed, Session] = {listed.A: Session.A}
    key: CartKey | None
    nested: list[other.Session] = [other.Session(number=5)]
    third: other.CartKey | None
