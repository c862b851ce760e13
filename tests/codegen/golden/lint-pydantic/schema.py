from mcp_sessions import SessionModel, ValueModel


class Item(ValueModel):
    sku: str
    unit_price: float


class Cart(SessionModel, scope="user"):
    items: list[Item] = []
    password: str
