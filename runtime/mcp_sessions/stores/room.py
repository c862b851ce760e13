"""Whether there is room: the sizes of sessions, and the limits on what is kept."""

from collections.abc import Mapping

from mcp_sessions.errors import SessionTooLargeError, TooManySessionsError
from mcp_sessions.stores.medium import Rows
from mcp_sessions.stores.terms import Access, Limits


def size_of(changes: Mapping[str, bytes | None]) -> int:
    """Return how many bytes the keys take that are set, and their values."""
    return sum(len(key.encode()) + len(value) for key, value in changes.items() if value is not None)


def size_after(rows: Rows, access: Access, size: int | None, changes: Mapping[str, bytes | None]) -> int | None:
    """Return the size after changes of a session that has ``size`` now; None for one that is yet to begin.

    Raises:
        SessionTooLargeError: If a value or the session would be larger than it may be.
    """
    if not changes:
        return size
    if (refusal := refusal_of_values(access, changes)) is not None:
        raise refusal
    replaced = 0 if size is None else rows.stored(access.address, tuple(changes))
    before = size or 0
    after = before + size_of(changes) - replaced
    most = access.limits.session_bytes
    if most is not None and after > most and after > before:
        raise too_large("the session as a whole", after, most)
    return after


def is_ample(limits: Limits, value: int, session: int) -> bool:
    """Tell whether a value and a session may have so many bytes, whatever they have now."""
    most, in_all = limits.value_bytes, limits.session_bytes
    return (most is None or value <= most) and (in_all is None or session <= in_all)


def refusal_of_values(access: Access, changes: Mapping[str, bytes | None]) -> SessionTooLargeError | None:
    """Return the error for the first value that would be larger than it may be; None if all of them fit."""
    most = access.limits.value_bytes
    for key, value in changes.items():
        if most is not None and value is not None and len(value) > most:
            return too_large(f"the value of {key!r}", len(value), most)
    return None


def too_large(what: str, size: int, most: int) -> SessionTooLargeError:
    """Return the error for a value or a session that would be larger than it may be."""
    return SessionTooLargeError(f"{what} would have {size} bytes, and {most} are allowed; nothing was written")


def require_for_session(rows: Rows, access: Access) -> None:
    """Make sure that one more session may begin.

    Raises:
        TooManySessionsError: If there are as many as there may be.
    """
    if access.address.has_parent:
        return
    most = access.limits.owner_sessions
    if most is not None and access.owner is not None and rows.count_of(access.owner, most) >= most:
        raise of_owner(most)
    most = access.limits.all_sessions
    if most is not None and rows.count() >= most:
        raise in_all()


def of_owner(most: int) -> TooManySessionsError:
    """Return the error for an owner who has as many sessions as one may have."""
    return TooManySessionsError(
        f"this user has {most} sessions, and may not have more: end one that is not needed any more, or wait until "
        f"one expires"
    )


def in_all() -> TooManySessionsError:
    """Return the error for a store that has as many sessions as it may have."""
    return TooManySessionsError("this server has as many sessions as it may have; try again later")
