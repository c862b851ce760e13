"""What pages say of one session in a line or two: each thing as a text, ready to be placed."""

from typing import Any, Final

from mcp_sessiongen.studio.state import Studio
from mcp_sessiongen.studio.words import duration, machine_moment, moment, size
from mcp_sessions.admin import Summary

SOON_SECONDS: Final = 60.0
"""When an expiry is marked as near."""


def expiry(at: float, left: float) -> dict[str, Any]:
    """Return what there is to say of the time when something is over."""
    return {
        "at": at,
        "left": duration(left),
        "moment": moment(at),
        "machine": machine_moment(at),
        "is_soon": left < SOON_SECONDS,
    }


def since(at: float | None, seconds: float | None) -> dict[str, Any] | None:
    """Return what there is to say of a time that has passed; None where it is not known."""
    if at is None or seconds is None:
        return None
    return {"at": at, "ago": duration(seconds), "moment": moment(at), "machine": machine_moment(at)}


def time_of(one: Summary) -> float:
    """Return the time when a session was like this, by the clock of its store."""
    return one.expires - one.expires_in


def row(studio: Studio, one: Summary) -> dict[str, Any]:
    """Return one session as a list has it."""
    return {
        "reference": one.reference,
        "masked": one.masked,
        "schema": one.schema,
        "colour": studio.colour(one.schema),
        "owner": one.owner or "",
        "owner_short": (one.owner or "")[:8],
        "version": one.version,
        "size": size(one.size),
        "bytes": one.size,
        "age": since(one.created, one.age),
        "idle": since(one.last_used, one.idle),
        "expires": expiry(one.expires, one.expires_in),
    }
