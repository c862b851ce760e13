"""The same as secrets-yaml."""

from datetime import datetime
from typing import Annotated, Literal

from mcp_sessions import Key, SessionModel, ValueModel
from pydantic import Field


class Grant(ValueModel):
    scope: str
    until: datetime | None


class Login(SessionModel):
    """What a user is logged in with."""

    token: Annotated[str, Key(secret=True)] = Field(description="What the other service takes.", repr=False)
    pin: Annotated[str, Field(min_length=4, max_length=8), Key(secret=True, ttl="5m")]
    code: Annotated[str | None, Key(secret=True)]
    hint: Annotated[str | None, Field(max_length=80), Key(secret=True)] = None
    tries: Annotated[int, Key(secret=True)] = Field(default=0, ge=0)
    grants: Annotated[dict[str, Grant], Key(secret=True)] = {}
    seen: Annotated[list[str], Key(secret=True, create="optional")] = Field(
        default=[], max_length=9, description="What was seen."
    )
    kind: Annotated[Literal["one", "two"], Key(secret=True)]
    shown: Annotated[str, Key(secret=False)]
