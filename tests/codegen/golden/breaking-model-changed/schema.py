from mcp_sessions import SessionModel
from pydantic import field_validator


class Cart(SessionModel, version=2):
    """What the user is about to buy."""

    title: str | None = None

    @field_validator("title")
    @classmethod
    def strip(cls, value: str | None) -> str | None:
        return value and value.strip()
