"""Times and sizes as people read them."""

import re
from datetime import UTC, datetime
from typing import Final

_SIZE: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,3})?)\s*(B|Ki?B|Mi?B|Gi?B)?", re.IGNORECASE)
_FACTORS: Final = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
"""What units stand for; with an "i" or without."""
_MINUTES: Final = 10
"""From so many minutes on, seconds do not matter."""
_PARTS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def parse_size(text: str) -> int:
    """Return the bytes of a size such as "10KiB"; a KB is 1024 bytes too.

    Raises:
        ValueError: If it is none.
    """
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"not a size: {text!r}; write a number and a unit, such as 512B, 10KiB or 1.5MiB.")
    return int(float(found[1]) * _FACTORS[(found[2] or "").upper().replace("I", "")])


def size(number: float) -> str:
    """Return bytes in few digits."""
    if number < 1024:
        return f"{number:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        number /= 1024
        if number < 1000 or unit == "GiB":
            break
    digits = f"{number:.1f}".removesuffix(".0") if number < 99.95 else f"{number:.0f}"
    return f"{digits} {unit}"


def time(total: float | None) -> str:
    """Return seconds by their two largest units: "2d4h", "3h20m", "45s"."""
    if total is None:
        return "-"
    left, found = round(abs(total)), ""
    for index, (name, length) in enumerate(_PARTS):
        count, left = divmod(left, length)
        if count:
            found = f"{count}{name}"
            below, unit = _PARTS[min(index + 1, len(_PARTS) - 1)]
            is_close = unit > 1 or count < _MINUTES
            found += f"{left // unit}{below}" if left // unit and is_close else ""
            break
    return f"{'-' if total < 0 and found else ''}{found or '0s'}"


def moment(seconds: float) -> str:
    """Return when something is, for people, in UTC."""
    return _at(seconds).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(seconds: float | None) -> str | None:
    """Return when something is, for machines."""
    return None if seconds is None else _at(seconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(min(max(seconds, 0.0), 253402300799.0), UTC)
