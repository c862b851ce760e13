"""What the scripts answer, as the contract's words and errors."""

from collections.abc import Iterable, Sequence
from typing import Any

from mcp_sessions.errors import StoreError
from mcp_sessions.stores import jsontext, room
from mcp_sessions.stores.redis.names import address_of, digest_of, owner_of
from mcp_sessions.stores.terms import (
    Access,
    Address,
    Listed,
    NotLiveError,
    OtherVersionError,
    Remains,
    SessionCopy,
    SessionExistsError,
    SessionInfo,
)


def result_of(access: Access | None, answer: Sequence[Any]) -> Any:
    """Return what an operation results in, after telling whoever wants to know that it began or found the session.

    Raises:
        NotLiveError: If the script found no live session for the caller.
        OtherVersionError: If the session's version and the caller's do not get along.
        SessionExistsError: If there is a session already.
        mcp_sessions.SessionError: If it refused for another reason.
    """
    if answer[0] != b"ok":
        raise refusal_of(access, answer)
    if access is not None and answer[1] is not None:
        if answer[1] == 1:
            if access.found is not None:
                access.found()
        elif access.began is not None:
            access.began(info_of(answer[1]))
    return answer[2]


def refusal_of(access: Access | None, answer: Sequence[Any]) -> Exception:
    """Return the error for what a script refused."""
    match answer[0]:
        case b"unknown" | b"expired" | b"ended" as reason:
            return NotLiveError(reason.decode())
        case b"version":
            return OtherVersionError(answer[1])
        case b"exists":
            return SessionExistsError("a session of that id exists, or existed a short while ago")
        case b"value":
            return room.too_large(f"the value of {answer[1].decode()!r}", answer[2], answer[3])
        case b"session":
            return room.too_large("the session as a whole", answer[2], answer[3])
        case b"owner" if access is not None and access.limits.owner_sessions is not None:
            return room.of_owner(access.limits.owner_sessions)
        case b"all":
            return room.in_all()
        case b"array":
            return jsontext.no_array(answer[1])
    return StoreError("the session store gave an answer that is not known")


def info_of(found: Sequence[Any]) -> SessionInfo:
    """Return what may be known of a session."""
    created, expires, version, digest, size, since, idle, max_at = found
    times = (float(created), float(expires))
    return SessionInfo(*times, version, digest_of(digest), size, since, float(idle), _end(max_at))


def listed_of(found: Sequence[Any]) -> Listed:
    """Return a session as those see it who run the server."""
    name, owner, info = found
    return Listed(address_of(name), owner_of(owner), info_of(info))


def remains_of(found: Iterable[Sequence[Any]]) -> list[Remains]:
    """Return what is left of sessions that are over."""
    return [
        Remains(
            address_of(name),
            owner_of(owner),
            "ended" if reason == b"ended" else "expired",
            values_of(held),
            version,
            since,
        )
        for name, owner, reason, held, version, since in found
    ]


def copy_of(address: Address, found: Sequence[Any]) -> SessionCopy:
    """Return all that is kept of a session."""
    owner, version, digest, times, flat, untils, since = found
    created, expires, idle, max_at, taken = map(float, times)
    values = values_of(flat)
    return SessionCopy(
        address=address,
        owner=owner_of(owner),
        version=version,
        digest=digest_of(digest),
        created=created,
        expires=expires,
        idle=idle,
        max_at=_end(max_at),
        values=values,
        untils={key: float(until) for key, until in zip(values, untils, strict=False) if until is not None},
        since=since,
        taken=taken,
    )


def _end(max_at: bytes | float) -> float | None:
    return None if float(max_at) < 0 else float(max_at)


def values_of(flat: Sequence[bytes]) -> dict[str, bytes]:
    """Return values by their keys, which stand before them."""
    return {key.decode(): value for key, value in zip(flat[::2], flat[1::2], strict=True)}
