"""The contract of notices: short messages to all processes that share a store, for those who listen at the moment."""

from collections.abc import AsyncGenerator
from typing import Final, Protocol, runtime_checkable
from weakref import WeakKeyDictionary

from mcp_sessions.stores.notices.local import LocalNotices

MESSAGE_BYTES: Final = 5600
"""How long a message may be: as base64, it fits into a notification of PostgreSQL's, which has less than 8000 bytes."""


class Notices(Protocol):
    """A channel that all who share a store can send on and listen to.

    Nothing is kept for those who do not listen. Whoever listens gets each message that was sent since, those of its own
    process too, in any order, or learns that it may have missed some. Nothing is connected to before the first use, and
    after ``aclose`` it may be used again.
    """

    async def publish(self, message: bytes) -> None:
        """Send a message of at most ``MESSAGE_BYTES``.

        Raises:
            mcp_sessions.StoreError: If it may not have been sent.
        """
        ...

    def listen(self) -> AsyncGenerator[bytes | None, None]:
        """Yield None as soon as it listens, then each message; None again whenever messages may have been missed.

        Raises:
            mcp_sessions.StoreError: If it does not listen any more. Whoever still wants to calls it again.
        """
        ...

    async def aclose(self) -> None:
        """Release what it holds; whoever listens is to stop before."""
        ...


@runtime_checkable
class NotifyingStore(Protocol):
    """A store whose processes can tell each other of changes."""

    def notices(self) -> Notices:
        """Return a channel of this store's own."""
        ...


def notices_of(store: object) -> Notices:
    """Return the channel of a store, also of one that others stand around as their ``store``.

    Of a store that has none, it is one within this process, the same for all who ask.
    """
    while not isinstance(store, NotifyingStore):
        inside = getattr(store, "store", None)
        if inside is None:
            return _local(store)
        store = inside
    return store.notices()


def _local(store: object) -> LocalNotices:
    try:
        return _LOCAL.setdefault(store, LocalNotices())
    except TypeError:  # nothing can be noted of it
        return LocalNotices()


_LOCAL: Final[WeakKeyDictionary[object, LocalNotices]] = WeakKeyDictionary()
