"""The life of a session as pure rules: when it is live, whose it is, when its expiry moves, when it is forgotten.

Every store that works row by row follows these; a store that decides inside its server must decide the same.
"""

from typing import Literal, NamedTuple, TypeAlias

from mcp_sessions.stores.terms import (
    SLIDE_STEP,
    TOMBSTONE_SECONDS,
    Access,
    Lifetime,
    NotLiveError,
    OtherVersionError,
    SessionInfo,
)

State: TypeAlias = Literal["live", "expired", "ended"]
"""What was last done to a session. One that nobody has looked at since its expiry is still marked "live"."""


class Record(NamedTuple):
    """What is kept about a session besides its values; times in seconds since the epoch.

    Attributes:
        version: The version of the schema that its values are of.
        digest: The digest of that schema.
        owner: The hashed principal that it belongs to; None without authentication.
        created: When it began.
        expires: When it expires unless it is used; of one that has ended, when it did.
        idle: Its idle lifetime in seconds.
        max_at: When it expires however much it is used; None for never.
        state: Only a "live" record has values.
        size: Bytes of its values and key names, those included whose time is over but that are still there.
        since: The oldest version of the schema that gets along with ``version``; 0 for all.
    """

    version: int
    digest: str
    owner: str | None
    created: float
    expires: float
    idle: float
    max_at: float | None
    state: State = "live"
    size: int = 0
    since: int = 0

    @property
    def due(self) -> float:
        """When it is time to remove the session's values, or of a tombstone: to forget it."""
        return self.expires if self.state == "live" else self.forgotten

    @property
    def forgotten(self) -> float:
        """From when on the session is as if it had never been."""
        return self.expires + TOMBSTONE_SECONDS

    def is_live(self, now: float) -> bool:
        """Tell whether the session has neither expired nor ended."""
        return self.state == "live" and now < self.expires

    def has(self, lifetime: Lifetime) -> bool:
        """Tell whether that is the session's lifetime already."""
        return self.idle == lifetime.idle and self.max_at == _end(self.created, lifetime)

    @property
    def info(self) -> SessionInfo:
        """What callers may know of it."""
        lifetime = (self.idle, self.max_at)
        return SessionInfo(self.created, self.expires, self.version, self.digest, self.size, self.since, *lifetime)


def begun(access: Access, lifetime: Lifetime, now: float) -> Record:
    """Return the record of a session that begins now."""
    record = Record(access.version, access.digest, access.owner, now, now, 0.0, None, since=access.since)
    return relived(record, lifetime, now)


def relived(record: Record, lifetime: Lifetime, now: float) -> Record:
    """Return a live record with another lifetime, freshly used."""
    max_at = _end(record.created, lifetime)
    return record._replace(idle=lifetime.idle, max_at=max_at, expires=_capped(now + generous(lifetime.idle), max_at))


def slid(record: Record, now: float) -> Record:
    """Return a live record after a use; the same object, if its expiry is still late enough to be left alone."""
    expires, max_at = record.expires, record.max_at
    if expires >= now + record.idle or (max_at is not None and expires >= max_at):
        return record
    return record._replace(expires=_capped(now + generous(record.idle), max_at))


def is_settled(record: Record, owner: str | None, now: float) -> bool:
    """Tell whether it is the owner's live session, and a use now would leave its record as it is."""
    expires = record.expires
    if record.state != "live" or now >= expires or record.owner != owner:
        return False
    return expires >= now + record.idle or slid(record, now) is record


def ended(record: Record, now: float) -> Record:
    """Return the tombstone of a session that is ended now."""
    return record._replace(expires=now, state="ended", size=0)


def expired(record: Record) -> Record:
    """Return the tombstone of a session that has expired."""
    return record._replace(state="expired", size=0)


def require(record: Record | None, owner: str | None, now: float) -> Record:
    """Return the owner's live session.

    Raises:
        NotLiveError: If it is not live or not the owner's.
    """
    if record is None or now >= record.forgotten or record.owner != owner:
        raise NotLiveError("unknown")
    if not record.is_live(now):
        raise NotLiveError("ended" if record.state == "ended" else "expired")
    return record


def require_version(record: Record, access: Access) -> None:
    """Make sure that the caller can use a live session's values as they are.

    Raises:
        OtherVersionError: If their version is older than those that the caller reads, or one that is for newer callers.
    """
    theirs, ours = record.version, access.version
    if (theirs < ours and access.reads > theirs) or (theirs > ours and record.since > ours):
        raise OtherVersionError(theirs)


def has_expired(record: Record | None, owner: str | None, now: float) -> bool:
    """Tell whether it is the owner's, has expired, and is neither forgotten nor ended."""
    if record is None or record.owner != owner or record.state == "ended":
        return False
    return record.expires <= now < record.forgotten


def claim(record: Record | None, access: Access, now: float) -> Record | Lifetime:
    """Return the caller's live session or, where there is none but one may begin, the lifetime to begin it with.

    Whether the session's parent is live, if it has one, is another question.

    Raises:
        NotLiveError: If there is neither.
    """
    if access.begin is not None and not access.address.is_parent:
        if record is None or now >= record.forgotten:
            return access.begin
        if record.owner == access.owner and record.state == "ended":
            return access.begin
    return require(record, access.owner, now)


def _end(created: float, lifetime: Lifetime) -> float | None:
    return None if lifetime.max is None else created + lifetime.max


def generous(idle: float) -> float:
    """Return how long after a use an expiry is put, when it is put anew."""
    return idle * (1 + SLIDE_STEP)


def _capped(expires: float, max_at: float | None) -> float:
    return expires if max_at is None else min(expires, max_at)
