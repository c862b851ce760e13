"""The two things that a store does to JSON text without knowing its type: adding to a number, appending to an array."""

import json
import re
from collections.abc import Sequence
from typing import Final

from mcp_sessions.errors import SessionDataError
from mcp_sessions.stores.terms import SEALED

_SPACE: Final = b" \t\r\n"
_COUNT: Final = re.compile(rb"[1-9][0-9]{0,18}")
"""What nearly all counters hold: numbers that Python reads as JSON does, but sooner."""


def added(held: bytes, by: int | float) -> bytes:
    """Return the JSON number ``held`` plus ``by``; whole numbers stay exact, however large.

    Raises:
        SessionDataError: If ``held`` is not a JSON number, or the sum is beyond what a float can hold.
    """
    try:
        number = int(held) if _COUNT.fullmatch(held) else json.loads(held)
    except (ValueError, RecursionError) as error:
        raise SessionDataError(f"what the store holds is not a JSON number but {_shown(held)}") from error
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise SessionDataError(f"what the store holds is not a JSON number but {_shown(held)}")
    try:
        total = number + by
        return (str(total) if type(total) is int else json.dumps(total)).encode("ascii")
    except (OverflowError, ValueError) as error:
        raise SessionDataError("the sum has more digits than can be handled; nothing was changed") from error


def appended(held: bytes, items: Sequence[bytes]) -> bytes:
    """Return the JSON array ``held`` with JSON texts added at its end, without parsing what is in it.

    Raises:
        SessionDataError: If ``held`` is not a JSON array.
    """
    array = held.strip(_SPACE)
    if len(array) < 2 or not (array.startswith(b"[") and array.endswith(b"]")):
        raise no_array(array)
    inside = array[1:-1].strip(_SPACE)
    return b"[" + b",".join([inside, *items] if inside else items) + b"]"


def no_array(held: bytes) -> SessionDataError:
    """Return the error for what should be a JSON array; its beginning is enough."""
    return SessionDataError(f"what the store holds is not a JSON array but {_shown(held)}")


def _shown(held: bytes) -> str:
    """Return what kind of thing it is, by its first byte: values belong in no message."""
    kinds = {
        b'"': "a string",
        b"{": "an object",
        b"[": "an array",
        b"t": "true",
        b"f": "false",
        b"n": "null",
        SEALED: "something encrypted, which EncryptedStore can open",
    }
    return kinds.get(held.lstrip(_SPACE)[:1], "something else")
