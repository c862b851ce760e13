from typing import Annotated

from mcp_sessions import Key, SessionModel, ValueModel
from pydantic import SecretStr


class Grant(ValueModel):
    token: Annotated[str, Key(secret=True)]


class Login(SessionModel):
    token: SecretStr
    pin: Annotated[str, Key(secret="yes")]
    grant: Grant | None
