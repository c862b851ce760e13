"""Models that exist."""

from typing import Annotated

from mcp_sessions import Key
from pydantic import BaseModel, Field, field_validator


class Order(BaseModel):
    """An order."""

    token: Annotated[str, Key(secret=True)] = Field(repr=False)
    title: str

    @field_validator("token")
    @classmethod
    def strip(cls, value: str) -> str:
        return value.strip()
