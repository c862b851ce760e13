from mcp_sessions import SessionModel, ValueEnum, ValueIntEnum


class Status(ValueEnum):
    """What a cart goes through."""

    OPEN = "open"
    """Being filled."""

    PAID = "paid"


class Level(ValueIntEnum):
    LOW = 1
    HIGH = 3
    """Somebody
    has to look."""


class Unused(ValueEnum):
    ONE = "one"


class Cart(SessionModel):
    status: Status = Status.OPEN
    level: Level
    counts: dict[Status, int] = {Status.PAID: 1}
