from mcp_sessions import SessionModel


class A(SessionModel):
    x: Missing = 1
