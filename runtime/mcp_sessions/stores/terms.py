"""The words of the store contract: what names a session, who may claim it, and what may be known of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Seconds since the epoch, as ``time.time`` gives them; the same on every worker that shares a store."""

Space: TypeAlias = Literal["handle", "transport", "connection", "user"]
"""What kind of id names a session. Ids of one space never name a session of another.

A "transport" session begins in the store, for whoever is given its id; a "connection" is one that a process by itself
keeps apart from others, as over stdio. Only in the space "transport" are there parents and children, see ``Store``.
"""

Reason: TypeAlias = Literal["unknown", "expired", "ended"]
"""Why a session is not live; nobody but its owner is told more than "unknown"."""

TRANSPORT_SCHEMA: Final = ""
"""The schema of a transport session itself, the parent of the sessions of all other schemas that have its id."""

EVENTS_SCHEMA: Final = "#events"
"""The schema of the child of a transport session that holds its events; no session can have that name."""

SLIDE_STEP: Final = 1 / 60
"""Fraction of the idle lifetime by which an expiry may run late, so that most reads need not write it."""

TOMBSTONE_SECONDS: Final = 3600.0
"""How long a session that ended or expired is still told apart from one that never was, to its own owner."""

SEALED: Final = b"\xfa"
"""What a value begins with that ``EncryptedStore`` has sealed: no UTF-8 has this byte, so no JSON text."""

GRACE_SECONDS: Final = 120.0
"""How long stores leave an expired session to callers of ``purge_expired`` before they remove it by themselves."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session lives: ``idle`` seconds without use, and never more than ``max`` seconds in all."""

    idle: float
    max: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may be kept; None for as much as there is room.

    Attributes:
        value_bytes: Bytes of one value, as compact JSON.
        session_bytes: Bytes of all values and key names of one session together.
        owner_sessions: Live sessions of one owner; not for the sessions that have no owner.
        all_sessions: Live sessions in the store.
    """

    value_bytes: int | None = None
    session_bytes: int | None = None
    owner_sessions: int | None = None
    all_sessions: int | None = None

    def __post_init__(self) -> None:
        for name in ("value_bytes", "session_bytes", "owner_sessions", "all_sessions"):
            limit = getattr(self, name)
            if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
                raise ValueError(f"the limit {name} is a whole number from 1, or None for no limit; got {limit!r}")


NO_LIMITS: Final = Limits()
"""Limits that nothing exceeds."""

DEFAULT_LIMITS: Final = Limits(
    value_bytes=1024 * 1024, session_bytes=16 * 1024 * 1024, owner_sessions=10_000, all_sessions=100_000
)
"""How much a server keeps unless it is told otherwise: one owner cannot take more than a tenth of the sessions."""


@dataclass(frozen=True, slots=True)
class Address:
    """Names one session: the kind of id, the id, and the schema of what the session holds."""

    space: Space
    id: str
    schema: str

    @property
    def is_parent(self) -> bool:
        """Whether it names a transport session itself, which may have children."""
        return self.space == "transport" and self.schema == TRANSPORT_SCHEMA

    @property
    def has_parent(self) -> bool:
        """Whether it names the state of one schema inside a transport session."""
        return self.space == "transport" and self.schema != TRANSPORT_SCHEMA

    @property
    def parent(self) -> "Address":
        """The transport session that this session lives in, if it has a parent."""
        return Address(self.space, self.id, TRANSPORT_SCHEMA)


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """One version of a schema, as a session keeps it.

    Attributes:
        number: Counted by the schema's author.
        digest: The digest of the schema.
        since: The oldest version whose callers can use a session of this one; 0 for all.
    """

    number: int
    digest: str = ""
    since: int = 0


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What callers may know of a session besides its values.

    Attributes:
        created: When it began; seconds since the epoch.
        expires: When it expires unless it is used; of a child, unless its parent does so before.
        version: The version of the schema that its values are of.
        digest: The digest of that schema.
        size: Bytes of its values and key names together.
        since: The oldest version of the schema whose callers can use it; 0 for all.
        idle: Its idle lifetime, in seconds; 0 where that is not known.
        max_at: When it expires however much it is used; None for never.
    """

    created: float
    expires: float
    version: int
    digest: str
    size: int = 0
    since: int = 0
    idle: float = 0.0
    max_at: float | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """One caller's claim to one session.

    Attributes:
        address: The session that is meant.
        owner: The hashed principal that asks; None when there is no authentication.
        begin: When given, the first write begins the session with this lifetime, and reading it before
            that finds it empty. Only for ids that the server itself vouches for, never for a client's.
            Not looked at when the address is a parent: those begin by ``create`` alone.
        version: The version of the schema that the caller has.
        digest: The digest of that schema; it refuses nobody. A session that begins keeps it, as ``version`` and
            ``since``.
        since: The oldest version whose callers can use what callers of ``version`` write; 0 for all.
        reads: The oldest version whose sessions the caller can use as they are; 0 for all.
        limits: What the operation must not exceed.
        began: Called after an operation that has begun the session because of ``begin``, and before it returns.
        found: Called likewise after an operation that has found the session there.
    """

    address: Address
    owner: str | None = None
    begin: Lifetime | None = None
    version: int = 1
    digest: str = ""
    since: int = 0
    reads: int = 0
    limits: Limits = NO_LIMITS
    began: Callable[[SessionInfo], None] | None = field(default=None, compare=False)
    found: Callable[[], None] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """A live session, as those who run a server see it."""

    address: Address
    owner: str | None
    info: SessionInfo


@dataclass(frozen=True, slots=True)
class Page:
    """Some live sessions, and from where to go on: "" when there are no more."""

    sessions: tuple[Listed, ...]
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCopy:
    """All that is kept of a live session: what another store needs to go on with it as if nothing had happened.

    Attributes:
        address: The session.
        owner: Whose it is.
        version: The version of the schema that its values are of.
        digest: The digest of that schema.
        created: When it began; seconds since the epoch, as all times here.
        expires: When it expires unless it is used.
        idle: Its idle lifetime, in seconds.
        max_at: When it expires however much it is used; None for never.
        values: What it holds.
        untils: When the values are over that have a time to live of their own.
        since: The oldest version of the schema whose callers can use it; 0 for all.
        taken: When this was so, by the store's clock; 0 where that is not known.
    """

    address: Address
    owner: str | None
    version: int
    digest: str
    created: float
    expires: float
    idle: float
    max_at: float | None
    values: Mapping[str, bytes] = field(repr=False)
    untils: Mapping[str, float]
    since: int = 0
    taken: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Remains:
    """What is left of a session that is over; told once.

    Attributes:
        address: The session that was.
        owner: Whose it was.
        reason: Whether it had expired, or somebody ended it or its parent.
        values: What it held at last; empty unless that was asked for.
        version: The version of the schema that the values are of.
        since: The oldest version of the schema whose callers could use it; 0 for all.
    """

    address: Address
    owner: str | None
    reason: Literal["expired", "ended"]
    values: Mapping[str, bytes] = field(default_factory=dict, hash=False, repr=False)
    version: int = 1
    since: int = 0


class NotLiveError(Exception):
    """The session does not exist for this caller.

    ``reason`` is "expired" or "ended" only towards the session's own owner; a stranger always gets "unknown".
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class OtherVersionError(Exception):
    """The session is live and the caller's, but its values are of a version that the caller cannot use as it is.

    ``version`` is the session's.
    """

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


class SessionExistsError(Exception):
    """A session of that id exists, or existed a short while ago."""
