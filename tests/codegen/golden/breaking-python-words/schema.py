from typing import Annotated

from mcp_sessions import Key, SessionModel


class Cart(SessionModel, idle="90s", reserved=("older",)):
    token: str
    size: Annotated[float, Key(create="required")]
    quote: Annotated[int, Key(ttl="0.5s")]
    title: str
