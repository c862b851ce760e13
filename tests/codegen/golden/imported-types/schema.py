from mcp_sessions import SessionModel
from shop import Address, Status


class Order(SessionModel):
    """An order."""

    status: Status = Status.OPEN
    address: Address
    past: list[Address] = []
