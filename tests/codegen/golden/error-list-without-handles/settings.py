from mcp_sessions import SessionModel


class Settings(SessionModel, scope="user", list_tool="list_settings"):
    name: str | None
