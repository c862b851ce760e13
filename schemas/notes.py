"""A list of values with a type of their own: `notes.yaml` in Python."""

from datetime import datetime

from pydantic import Field

from mcp_sessions import SessionModel, ValueModel


class Note(ValueModel):
    """One note."""

    text: str
    created_at: datetime


class Notes(SessionModel, idle="24h", max="7d"):
    """Notes that a user takes."""

    notes: list[Note] = Field(default=[], description="All notes, the oldest first.")
