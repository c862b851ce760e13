from typing import Annotated

from mcp_sessions import Key, SessionModel


class Cart(SessionModel, idle="1h30m", max="24h", handle="basket", create_tool="new_basket", reserved=("old", "older")):
    token: Annotated[str, Key(secret=True)]
    size: Annotated[int, Key(create="optional")] = 0
    quote: Annotated[int, Key(ttl="1h")]
    gone: str = ""
    title: Annotated[str, Key(create="optional")]
