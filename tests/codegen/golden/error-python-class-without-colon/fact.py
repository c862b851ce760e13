from mcp_sessions import SessionModel


class Cart(SessionModel):
    count: int = 0
