from mcp_sessions import SessionModel
from pydantic import field_validator


class Cart(SessionModel, version=1):
    """What the user is about to buy."""

    title: str = ""

    @field_validator("title")
    @classmethod
    def strip(cls, value: str) -> str:
        return value.strip()
