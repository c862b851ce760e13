"""Several steps that a user goes through, one tool call a step: `wizard.yaml` in Python."""

from typing import Literal

from pydantic import Field

from mcp_sessions import SessionModel


class Wizard(SessionModel):
    """Project set-up, step by step."""

    step: int = Field(default=1, description="The step that comes next.")
    project_name: str = Field(description="What the user calls the project.")
    framework: Literal["nuxt", "next", "svelte"] = Field(description="What the project is built with.")
