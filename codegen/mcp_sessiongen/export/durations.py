"""Durations as schemas write them: `1h30m`."""

from typing import Final

_UNITS: Final = (("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000))
_SECOND: Final = 1_000_000


def duration_text(seconds: float) -> str:
    """Return a duration: in one unit if it is a whole number of it, else in several."""
    rest = round(seconds * _SECOND)
    for unit, size in _UNITS:
        if rest and rest % size == 0:
            return f"{rest // size}{unit}"
    written = ""
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        written += f"{count}{unit}" if count else ""
    whole, micros = divmod(rest, _SECOND)
    if micros:
        return f"{written}{whole}" + f".{micros:06d}".rstrip("0") + "s"
    return f"{written}{whole}s" if whole or not written else written
