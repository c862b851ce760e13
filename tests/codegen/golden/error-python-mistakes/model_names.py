from mcp_sessions import SessionModel


class Cart(SessionModel):
    copy: int
