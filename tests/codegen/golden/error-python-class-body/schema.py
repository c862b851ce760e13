from mcp_sessions import SessionModel, ValueModel


class A(SessionModel):
    x: Missing = 1
