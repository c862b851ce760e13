from mcp_sessions import SessionModel
from pydantic import BaseModel, Field, SecretStr


class Account(BaseModel):
    name: str
    note: str = Field(default="", exclude=True)


class Login(BaseModel):
    password: SecretStr


class Cart(SessionModel):
    account: Account | None
    login: Login | None
    missing: "list[Nowhere]" = []
