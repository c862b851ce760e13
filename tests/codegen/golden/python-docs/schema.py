from mcp_sessions import SessionModel, ValueModel
from pydantic import ConfigDict, Field


class Note(ValueModel):
    text: str
    """What it says."""


class Notes(SessionModel):
    """Notes of one user."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    notes: list[Note] = []
    """The notes,

    the newest last.
    """

    count: int = Field(default=0, description="How many there were.")
    """Not this text."""
