"""Settings that are unset until somebody sets them: `preferences.yaml` in Python."""

from pydantic import Field

from mcp_sessions import SessionModel


class Preferences(SessionModel):
    """How a user likes to be answered."""

    language: str = Field(description="The language of answers, such as en or pt-BR.")
    verbose: bool = Field(description="Whether answers are to be long.")
