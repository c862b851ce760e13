from typing import Annotated

from mcp_sessions import SessionModel
from pydantic import Field


class Counter(SessionModel):
    large: Annotated[int, Field(description="More digits than a YAML reader takes.")] = 10**301
