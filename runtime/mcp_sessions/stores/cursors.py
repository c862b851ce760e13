"""Where a listing goes on: the name of the last session that was on the page, as a text that travels well."""

import base64
import json
from typing import Final

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.terms import Address
from mcp_sessions.stores.texts import is_text

START: Final = ("", "", "")


def cursor_of(address: Address) -> str:
    """Return the cursor of what comes after a session."""
    name = json.dumps([address.space, address.id, address.schema], separators=(",", ":"))
    return base64.urlsafe_b64encode(name.encode()).decode("ascii")


def require_limit(limit: int) -> None:
    """Make sure that a page has room for a session.

    Raises:
        StoreError: If it has none.
    """
    if limit < 1:
        raise StoreError(f"the limit of a listing is a whole number from 1; got {limit!r}", is_about_input=True)


def name_of(cursor: str) -> tuple[str, str, str]:
    """Return the space, id and schema that a cursor stands for; what comes before all others for "".

    Raises:
        StoreError: If it is no cursor of ours.
    """
    if not cursor:
        return START
    try:
        space, id, schema = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
        if not all(isinstance(part, str) and is_text(part) for part in (space, id, schema)):
            raise TypeError
    except (ValueError, TypeError, RecursionError):
        raise not_a_cursor() from None
    return space, id, schema


def not_a_cursor() -> StoreError:
    """Return the error for a text that says of no listing where it goes on."""
    return StoreError("that is no cursor of a listing; leave it out to begin from the start", is_about_input=True)
