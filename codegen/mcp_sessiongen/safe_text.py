"""Texts of objects that users wrote: whatever their `__str__` and `__repr__` do, there is a text."""

from collections.abc import Callable


def safe_repr(value: object) -> str:
    """Return the repr of a value, or what can be said without it."""
    return _made(repr, value)


def safe_str(value: object) -> str:
    """Return the text of a value, or what can be said without it."""
    return _made(str, value)


def _made(make: Callable[[object], str], value: object) -> str:
    try:
        return make(value)
    except BaseException:  # the user's code, or the limit on the digits of an int
        return f"<{type.__getattribute__(type(value), '__name__')}>"
