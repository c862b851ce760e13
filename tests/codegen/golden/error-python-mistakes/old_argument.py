from mcp_sessions import SessionModel
from pydantic import Field


class Cart(SessionModel):
    code: str = Field("", regex="[a-z]")
