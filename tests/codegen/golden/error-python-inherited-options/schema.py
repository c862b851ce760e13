from mcp_sessions import SessionModel


class Base(SessionModel, idle="an hour"):
    count: int = 0


class Child(Base, max="2h"):
    text: str = ""
