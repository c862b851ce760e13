"""The store contract: what every store keeps, and what each of its operations promises.

A store holds sessions and, inside each, ``key -> JSON bytes``. It knows nothing of types, schemas' contents,
protocols or frameworks: those are the business of the layers above. Every operation is one atomic round trip
that checks existence, expiry and owner, does its work, and slides the idle lifetime.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Seconds since the epoch, as ``time.time`` gives them; the same on every worker that shares a store."""

Space: TypeAlias = Literal["handle", "transport", "user"]
"""What kind of id names a session. Ids of one space never name a session of another."""

Reason: TypeAlias = Literal["unknown", "expired", "ended"]

TRANSPORT_SCHEMA: Final = ""
"""The schema of a transport session's own record: one record holds the values of any number of schemas."""

SLIDE_STEP: Final = 1 / 60
"""Fraction of the idle lifetime by which an expiry may run late, so that most reads need not write it."""

TOMBSTONE_SECONDS: Final = 3600.0
"""How long a session that ended or expired is still told apart from one that never was, to its own owner."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session lives: ``idle`` seconds without use, and never more than ``max`` seconds in all."""

    idle: float
    max: float | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """Names one session: the kind of id, the id, and the schema whose values are meant."""

    space: Space
    id: str
    schema: str


@dataclass(frozen=True, slots=True)
class Access:
    """One caller's claim to one session.

    Attributes:
        address: The session that is meant.
        owner: The hashed principal that asks; None when there is no authentication.
        begin: When given, the first write begins the session with this lifetime, and reading it before
            that finds it empty. Only for ids that the server itself vouches for, never for a client's.
            What so begins is created for ``address.schema``; in the space "transport", for ``TRANSPORT_SCHEMA``.
    """

    address: Address
    owner: str | None = None
    begin: Lifetime | None = None


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """When a session was created and when it expires unless it is used; seconds since the epoch."""

    created: float
    expires: float


class NotLiveError(Exception):
    """The session does not exist for this caller.

    ``reason`` is "expired" or "ended" only towards the session's own owner; a stranger always gets "unknown".
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class SessionExistsError(Exception):
    """A session of that id exists, or existed a short while ago."""


class Store(Protocol):
    """Where sessions live.

    Duties of every operation that takes an ``Access``, besides its own:

    - it is atomic, among all tasks, threads and processes that share the store, and costs one round trip;
    - it raises ``NotLiveError`` unless a session with that space and id is live (not expired, not ended), belongs to
      exactly ``access.owner``, and was created for ``address.schema`` or for ``TRANSPORT_SCHEMA``;
      exception: with ``access.begin``, a session that is not there reads as empty and begins at the first write
      (``touch``, ``write``, ``increment`` or ``append``), and one that expired or ended begins anew;
    - it moves the expiry to at least ``now + idle`` and at most ``now + idle * (1 + SLIDE_STEP)``, never beyond
      ``created + max``;
    - it sees and changes only the values of ``address.schema``;
    - a failure of the medium raises ``mcp_sessions.StoreError``, and then nothing was changed.

    Values are opaque bytes, except to ``increment`` and ``append``. An id, a schema or a key is any text that UTF-8 can
    encode; a key that is none raises ``StoreError``.
    """

    async def create(
        self, access: Access, lifetime: Lifetime, values: Mapping[str, bytes] | None = None
    ) -> SessionInfo:
        """Begin a session; ``access.begin`` is not looked at.

        Raises:
            SessionExistsError: If there is a session with that space and id, whoever owns it.
        """
        ...

    async def touch(self, access: Access, lifetime: Lifetime | None = None) -> SessionInfo:
        """Check and slide, nothing else; with ``lifetime``, that is the session's lifetime from now on."""
        ...

    async def read(self, access: Access, keys: Sequence[str] | None = None) -> dict[str, bytes]:
        """Return the values of ``keys`` (None: of all keys) that are set. Costs nothing for the other keys."""
        ...

    async def names(self, access: Access) -> list[str]:
        """Return the keys that are set, sorted."""
        ...

    async def write(
        self,
        access: Access,
        changes: Mapping[str, bytes | None],
        expected: Mapping[str, bytes | None] | None = None,
    ) -> dict[str, bytes | None] | None:
        """Set every key of ``changes`` to its value, or unset it where that is None; all of them or none.

        With ``expected``, a compare-and-set: it writes only if each key there holds just that value (None: is unset).

        Returns:
            None when it has written; otherwise what the keys of ``expected`` hold now, and nothing was changed.
        """
        ...

    async def remove(self, access: Access, key: str) -> bytes | None:
        """Unset ``key`` and return what it held; of several callers at once, one gets the value."""
        ...

    async def clear(self, access: Access) -> None:
        """Unset every key; the session stays."""
        ...

    async def increment(self, access: Access, key: str, by: int | float, initial: bytes) -> bytes:
        """Add ``by`` to the JSON number that ``key`` holds (``initial`` when it is unset) and return the sum.

        Raises:
            mcp_sessions.SessionDataError: If it holds something else; it was left as it is.
        """
        ...

    async def append(self, access: Access, key: str, items: Sequence[bytes], initial: bytes) -> None:
        """Add JSON texts at the end of the compact JSON array that ``key`` holds (``initial`` when unset).

        No texts change nothing: a key that was unset stays so.

        Raises:
            mcp_sessions.SessionDataError: If it holds something else; it was left as it is.
        """
        ...

    async def end(self, access: Access) -> bool:
        """End the session: its values are gone at once and nothing brings it back.

        Of a transport session that is asked for by one schema, it drops the values of that schema alone.

        Returns:
            False, instead of ``NotLiveError``, when there was no such live session.
        """
        ...

    async def purge_expired(self, limit: int = 1000) -> int:
        """Remove the values of up to ``limit`` expired sessions, and tombstones that have served their time.

        Returns:
            How many expired sessions were removed, tombstones not counted; stores call this by themselves too.
        """
        ...

    async def aclose(self) -> None:
        """Release what the store holds; safe to call twice. Operations that were acknowledged are kept."""
        ...
