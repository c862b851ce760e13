from mcp_sessions import SessionModel
from shop import Größe


class Cart(SessionModel):
    size: Größe | None
