from mcp_sessions import SessionModel

x = = 1
    x: int
