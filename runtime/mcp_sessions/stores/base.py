"""The store contract: what every store keeps, and what each of its operations promises.

A store holds sessions and, inside each, ``key -> JSON bytes``. It knows nothing of types, schemas' contents,
protocols or frameworks: those are the business of the layers above. Every operation is one atomic round trip
that checks existence, expiry and owner, does its work, and slides the idle lifetime. Its words are those of ``terms``.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from mcp_sessions.stores.terms import (
    GRACE_SECONDS,
    NO_LIMITS,
    SLIDE_STEP,
    TOMBSTONE_SECONDS,
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Clock,
    Lifetime,
    Limits,
    Listed,
    NotLiveError,
    OtherVersionError,
    Page,
    Reason,
    Remains,
    SchemaVersion,
    SessionCopy,
    SessionExistsError,
    SessionInfo,
    Space,
)

__all__ = [
    "GRACE_SECONDS",
    "NO_LIMITS",
    "SLIDE_STEP",
    "TOMBSTONE_SECONDS",
    "TRANSPORT_SCHEMA",
    "Access",
    "Address",
    "Clock",
    "ConditionalStore",
    "Lifetime",
    "Limits",
    "Listed",
    "NotLiveError",
    "OtherVersionError",
    "Page",
    "Reason",
    "Remains",
    "SchemaVersion",
    "SessionCopy",
    "SessionExistsError",
    "SessionInfo",
    "Space",
    "Store",
]


class Store(Protocol):
    """Where sessions live.

    Duties of every operation that takes an ``Access``, besides its own:

    - it is atomic, among all tasks, threads and processes that share the store, and costs one round trip;
      of this, and of nothing else, a ``ConditionalStore`` may fall short;
    - it raises ``NotLiveError`` unless the session with that address is live (not expired, not ended) and belongs to
      exactly ``access.owner``;
      exception: with ``access.begin``, a session that is not there, or is that owner's and ended, reads as empty and
      begins (anew) at the first write (``touch``, ``write``, ``increment`` or ``append``). One that expired does so
      only after ``end(expired=True)``, so that no state is lost without a word;
    - where it reads or changes values (``read``, ``names``, ``write``, ``remove``, ``clear``, ``increment``,
      ``append``) it raises ``OtherVersionError`` if the session is of an older version than ``access.version`` and than
      those that ``access.reads``, or of a newer one that is for callers ``since`` a version newer than
      ``access.version``;
    - it moves the expiry to at least ``now + idle`` and at most ``now + idle * (1 + SLIDE_STEP)``, never beyond
      ``created + max``;
    - it sees and changes only that session's values;
    - it raises ``mcp_sessions.SessionLimitError`` instead of exceeding ``access.limits``. Where it begins a session
      that is no child, there may be ``all_sessions``, and of one owner ``owner_sessions``; one that expired may count
      until it is purged, and so may a value whose time is over. Where it writes, a value and the session may have so
      many bytes; what makes a session smaller is never refused;
    - when it raises, nothing was changed; a failure of the medium raises ``mcp_sessions.StoreError``.

    In the space "transport", the session with ``TRANSPORT_SCHEMA`` is the parent of those with the same id and any
    other schema, its children. A child has a lifetime of its own, but lives only inside its parent:

    - an operation on a child first asks whether the parent is live and belongs to ``access.owner``, and raises
      ``NotLiveError`` with the parent's reason if not, whatever ``access.begin`` is;
    - when it does not raise, it slides the parent as well, even where there is no child yet that it could slide
      (``end`` that returns False slides nothing);
    - when a parent ends, or is removed because it expired, its children are removed with it, tombstones included;
    - a parent begins by ``create`` alone, never by ``access.begin``.

    A value may be written with a time to live of its own, in seconds: when that is over, the key is unset to every
    operation. Each write of the key counts anew, and one without a time to live leaves it as long as the session;
    reading, sliding, and appending nothing change nothing about it.

    Values are opaque bytes, except to ``increment`` and ``append``. An id, a schema or a key is any text that UTF-8 can
    encode; a key that is none raises ``StoreError``.
    """

    async def create(
        self,
        access: Access,
        lifetime: Lifetime,
        values: Mapping[str, bytes] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> SessionInfo:
        """Begin a session that holds ``values``; ``access.begin`` is not looked at. ``ttls``: see ``write``.

        Raises:
            NotLiveError: If it would be the child of a parent that is not live or is not ``access.owner``'s.
            SessionExistsError: If there is a session with that address, or its tombstone, whoever owns it.
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
        ttls: Mapping[str, float] | None = None,
    ) -> dict[str, bytes | None] | None:
        """Set every key of ``changes`` to its value, or unset it where that is None; all of them or none.

        A key that is in ``ttls`` too is unset again after that many seconds.

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

    async def increment(
        self, access: Access, key: str, by: int | float, initial: bytes, ttl: float | None = None
    ) -> bytes:
        """Add ``by`` to the JSON number that ``key`` holds (``initial`` when it is unset) and return the sum.

        Raises:
            mcp_sessions.SessionDataError: If it holds something else; it was left as it is.
        """
        ...

    async def append(
        self, access: Access, key: str, items: Sequence[bytes], initial: bytes, ttl: float | None = None
    ) -> None:
        """Add JSON texts at the end of the compact JSON array that ``key`` holds (``initial`` when unset).

        No texts change nothing: a key that was unset stays so.

        Raises:
            mcp_sessions.SessionDataError: If it holds something else; it was left as it is.
        """
        ...

    async def end(self, access: Access, *, values: bool = False, expired: bool = False) -> list[Remains]:
        """End the session, and a parent's children with it: their values are gone at once and nothing brings them back.

        With ``access.begin``, a new session may begin at the same address afterwards, with nothing in it.

        Args:
            access: The session.
            values: Whether the remains are to have the values.
            expired: Whether to do so with a session of ``access.owner`` that has expired instead, and leave a live one
                alone. It has ended then; its remains say that it had expired, and are nothing if somebody has them.

        Returns:
            The session, and those of its children that were not over yet; nothing, instead of ``NotLiveError``, when
            there was no such live session. Of several callers, processes included, one gets each session.
        """
        ...

    async def purge_expired(self, limit: int = 1000, *, values: bool = False) -> list[Remains]:
        """Remove the values of expired sessions, tombstones that have served their time, and values that have.

        Up to ``limit`` in all.

        The children of an expired parent are removed with it, beyond ``limit`` if need be. Stores do the same by
        themselves, but leave each session alone for ``GRACE_SECONDS`` after its expiry. So whoever calls this often
        enough learns of each session that expired, but for those that ``end(expired=True)`` has given to its caller.

        Returns:
            The sessions that expired and whose values this call removed, including children that had not ended before
            their parent expired; not the tombstones. Of several callers, processes included, one gets each session.
        """
        ...

    # For those who run the server. These ask nobody who they are, and are no use of a session.

    async def scan(
        self, *, schema: str | None = None, owner: str | None = None, limit: int = 100, cursor: str = ""
    ) -> Page:
        """Return up to ``limit`` live sessions of a schema and an owner (None: of all), from ``cursor`` on.

        The order is the store's own. A session that is there from the first page to the last is on one of them. The
        children of a parent that is over may be among them until it is purged.
        """
        ...

    async def look_up(self, address: Address) -> Listed | None:
        """Return a live session, whoever owns it; None if there is none."""
        ...

    async def count(self) -> int:
        """Return how many sessions there are, except children; those that expired may count until they are purged."""
        ...

    async def copy_out(self, address: Address) -> SessionCopy | None:
        """Return all that is kept of a live session, whoever owns it; None if there is none."""
        ...

    async def copy_in(self, copy: SessionCopy) -> None:
        """Put a session in as it was in another store, times included, whatever the limits are.

        Raises:
            SessionExistsError: If there is a session with that address, or its tombstone, whoever owns it.
            NotLiveError: If it has expired meanwhile, or its parent is not live or not ``copy.owner``'s.
        """
        ...

    async def migrate(
        self,
        copy: SessionCopy,
        version: SchemaVersion,
        changes: Mapping[str, bytes | None],
        untils: Mapping[str, float],
    ) -> bool:
        """Give a live session another version and change its values, all at once, if it still is what ``copy`` was.

        It is, if it belongs to the same owner, began at the same time, has the same version and the same values, each
        until the same time. This is no use of the session, so nothing slides, and limits are not looked at. ``changes``
        are as for ``write``; a
        key that is in ``untils`` too is unset again at that time, one that is not lasts as long as the session, and
        those that are in neither stay as they are.

        Returns:
            Whether it was done; otherwise nothing was changed.
        """
        ...

    async def aclose(self) -> None:
        """Release what the store holds; safe to call twice. Operations that were acknowledged are kept."""
        ...


@runtime_checkable
class ConditionalStore(Store, Protocol):
    """A store that is not atomic among all who may share it; who serves with one is warned when the server starts."""

    @property
    def condition(self) -> str:
        """What of the contract holds under which condition only: a sentence for the log, without a full stop."""
        ...


def require_store(given: object, what: str) -> None:
    """Make sure that what something is made of is a store.

    Raises:
        TypeError: If it is none.
    """
    if isinstance(given, type) or not hasattr(given, "touch"):
        raise TypeError(f"{what} needs a store, such as open_store(url); got {type(given).__name__}")


def condition_of(store: object) -> str | None:
    """Return the condition of a ``ConditionalStore``, also of one that others stand around as their ``store``."""
    while store is not None:
        if isinstance(store, ConditionalStore):
            return store.condition
        store = getattr(store, "store", None)
    return None
