from mcp_sessions import SessionModel


class Cart(SessionModel):
    other: "int" | None
