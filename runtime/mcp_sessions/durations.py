"""Durations as people write them: ``30m``, ``24h``, ``1h30m``. A unit is always required."""

import re
from datetime import timedelta
from typing import Final, TypeAlias

Duration: TypeAlias = str | timedelta
"""A duration: text such as ``"30m"`` (units d, h, m, s), or a ``timedelta``. Never a bare number."""

DEFAULT_IDLE_SECONDS: Final = 1800.0

_UNITS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_TEXT: Final = re.compile(r"(?:[0-9]{1,12}(?:\.[0-9]{1,6})?[dhms])+")
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([dhms])")


def seconds(duration: Duration) -> float:
    """Return a duration in seconds.

    Raises:
        ValueError: If it is not a positive duration with a unit.
    """
    if isinstance(duration, timedelta):
        total = duration.total_seconds()
    elif _TEXT.fullmatch(str(duration)):
        total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(str(duration)))
    else:
        raise ValueError(f"not a duration: {duration!r}; write a number and a unit, such as '30m', '24h' or '1h30m'")
    if total <= 0:
        raise ValueError(f"a lifetime must be longer than nothing, got {duration!r}")
    return total


def in_words(total: float) -> str:
    """Return seconds as a person says them: 1800 is "30 minutes", 5400 is "1 hour 30 minutes"."""
    parts: list[str] = []
    left = round(total)
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}" if count == 1 else f"{count} {name}s")
    return " ".join(parts) or "less than a second"
