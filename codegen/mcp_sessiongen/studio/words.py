"""How people read numbers: durations, sizes and moments in few characters."""

from datetime import UTC, datetime
from typing import Final

_UNITS: Final = ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s"))
_SIZES: Final = ("B", "KiB", "MiB", "GiB", "TiB")


def duration(seconds: float) -> str:
    """Return a duration in its two greatest units, such as ``29m 12s``; the script writes them the same way."""
    left = max(0, round(seconds))
    for size, unit, smaller, small_unit in _UNITS:
        if left >= size:
            return f"{left // size}{unit} {left % size // smaller:02}{small_unit}"
    return f"{left}s"


def size(number: int) -> str:
    """Return a number of bytes with three digits at most before its unit."""
    amount, unit = float(number), 0
    while amount >= 999.5 and unit < len(_SIZES) - 1:
        amount, unit = amount / 1024, unit + 1
    digits = 1 if unit and amount < 9.95 and round(amount, 1) != round(amount) else 0
    return f"{amount:.{digits}f} {_SIZES[unit]}"


def moment(at: float) -> str:
    """Return a moment to the second, in UTC; what no calendar has is told as such."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "out of any calendar"


def machine_moment(at: float) -> str:
    """Return a moment as the ``datetime`` of a ``<time>``; empty for what no calendar has."""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return ""


def counted(number: int, noun: str) -> str:
    """Return ``1 session`` or ``1,204 sessions``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def shortened(text: str, limit: int) -> str:
    """Return a text, cut where it is longer than ``limit``."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
