from mcp_sessions import SessionModel


class Plain:
    pass


class Cart(SessionModel):
    code: Plain
