"""A number that survives between tool calls: `counter.yaml` in Python."""

from pydantic import Field

from mcp_sessions import SessionModel


class Counter(SessionModel):
    """A counter that lives as long as its session."""

    counter: int = Field(default=0, description="How often it was incremented.")
