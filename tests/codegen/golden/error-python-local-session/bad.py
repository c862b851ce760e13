from mcp_sessions import SessionModel
from pydantic import BaseModel


def make():
    class Loc(BaseModel):
        x: int = 1

    return Loc


Loc = make()
