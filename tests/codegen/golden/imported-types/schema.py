from shop import Address, Status

from mcp_sessions import SessionModel


class Order(SessionModel):
    """An order."""

    status: Status = Status.OPEN
    address: Address
    past: list[Address] = []
