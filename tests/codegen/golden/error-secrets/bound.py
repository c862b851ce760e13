from typing import Annotated

from mcp_sessions import Key, SessionModel
from pydantic import Field, field_validator


class Bound(SessionModel):
    token: Annotated[str, Key(secret=True)]
    pin: Annotated[str, Key(secret=True)] = Field(default="", repr=False)

    @field_validator("token")
    @classmethod
    def strip(cls, value: str) -> str:
        return value.strip()
