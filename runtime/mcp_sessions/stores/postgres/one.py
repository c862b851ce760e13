"""Calls about one key, which are most: what they are given, and what their answers mean.

Their functions do at once what is usual, and leave the rest to those of ``calls``. Many of them make one statement.
"""

from collections.abc import Mapping
from typing import Final

from mcp_sessions.stores.postgres.calls import Outcome, Row
from mcp_sessions.stores.postgres.names import LONGEST, Call, bytes_of, claim, family_of
from mcp_sessions.stores.postgres.values import unpacked
from mcp_sessions.stores.terms import Access

FUNCTIONS: Final = {"get": 9, "put": 16}
"""The functions, and how many arguments they have where many calls are one statement: the first ones."""

BEGINS: Final = 5
"""The place among their arguments that says whether the session may begin."""

_MOST: Final = 2**62
"""From here on, numbers are added elsewhere."""

_LARGE: Final = 64 * 1024
"""From so many bytes on, a value is not worth waiting for what else there is, nor others for it."""


def is_short(access: Access, key: str) -> bool:
    """Tell whether all names are short enough to stand for themselves; others are left to ``calls``."""
    address = access.address
    most = LONGEST // 4  # bytes that a character has at most
    return len(key) <= most and len(address.id) <= most and len(address.schema) <= most


def is_small(by: object) -> bool:
    """Tell whether a number is added here."""
    return isinstance(by, int) and -_MOST < by < _MOST


def get(clock: float | None, access: Access, key: str) -> Call:
    """Return the call that gives the value of a key."""
    about = (access.begin is not None, access.version, access.reads, bytes_of(key))
    return Call("get", claim(clock, access) + about, family_of(access.address), joinable=True)


def put(
    clock: float | None,
    access: Access,
    key: str,
    value: bytes,
    ttl: float | None,
    expected: Mapping[str, bytes | None] | None = None,
    by: int | None = None,
) -> Call:
    """Return the call that sets a key, if it holds what is ``expected``, or adds a number to it."""
    begin, limits = access.begin, access.limits
    held = expected[key] if expected else None
    arguments = (
        *claim(clock, access),
        begin is not None,
        access.version,
        access.reads,
        bytes_of(key),
        value,
        ttl,
        expected is not None,
        held,
        by,
        limits.value_bytes,
        limits.session_bytes,
    )
    if begin is not None:
        beginning = (begin.idle, begin.max, bytes_of(access.digest), access.since)
        arguments += (*beginning, limits.owner_sessions, limits.all_sessions)
    return Call("put", arguments, family_of(access.address), joinable=len(value) + len(held or b"") < _LARGE)


def outcome_of(row: Row) -> Outcome:
    """Return what came of it: usually, that the session was there and what the key holds."""
    _, value, rest = row
    if rest is None:
        return Outcome(None, False, None, 0.0, 0, b"", 0, 0, None, (value,))
    return Outcome(*unpacked(rest))


def is_undone(row: Row) -> bool:
    """Tell whether nothing was done, because the session can only begin in a transaction of its own."""
    found, _, rest = row
    return found is None and rest is None
