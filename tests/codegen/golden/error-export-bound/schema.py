from mcp_sessions import SessionModel
from pydantic import field_validator


class Counter(SessionModel):
    counter: int = 0

    @field_validator("counter")
    @classmethod
    def positive(cls, value: int) -> int:
        return abs(value)
