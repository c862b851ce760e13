from mcp_sessions import SessionModel, ValueModel


class Item(ValueModel):
    name: str


class Cart(SessionModel):
    items: list[Itm]
