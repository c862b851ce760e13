from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from mcp_sessions import Key, SessionModel
from pydantic import Field


class Order(SessionModel, reserved=("basket", "old_total")):
    """An order."""

    quote: Annotated[Decimal, Key(ttl="5m")]
    offer: Annotated[str, Key(ttl=timedelta(hours=1), create="optional")] = Field(default="", max_length=80)
    title: Annotated[str, Key(create="required", renamed_from="name")] = Field(description="What it is called.")
    locale: Annotated[str, Key(deprecated="Use title.")] = "en"
    note: str = Field(default="", deprecated="Use title.")
