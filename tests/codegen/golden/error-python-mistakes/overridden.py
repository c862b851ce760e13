from mcp_sessions import SessionModel


class Base(SessionModel):
    count: int = 1


class Cart(Base):
    count = sum([1, 2])
