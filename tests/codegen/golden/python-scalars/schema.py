from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from mcp_sessions import SessionModel


class Scalars(SessionModel):
    text: str = "x"
    number: int = 1
    ratio: float = 0.5
    flag: bool = False
    blob: bytes = b"\x00"
    price: Decimal = Decimal("1.50")
    day: date = date(2020, 1, 2)
    hour: time = time(3, 4)
    moment: datetime
    wait: timedelta = timedelta(minutes=5)
    uid: UUID
