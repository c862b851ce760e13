import mcp_sessions


class Cart(mcp_sessions.SesionModel):
    n: int
