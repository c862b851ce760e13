from mcp_sessions import SessionModel


class Cart(SessionModel):
    """A cart."""

    a: int = 1
    n = 0
