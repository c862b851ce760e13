"""Sessions that were recorded, with ``export_sessions`` or ``mcp-sessiongen sessions export``, for tests."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, overload

from mcp_sessions.base_session import BaseSession
from mcp_sessions.context import Call, Caller
from mcp_sessions.resolve import access_to
from mcp_sessions.stores.base import SLIDE_STEP, SessionCopy, Store
from mcp_sessions.stores.transfer import read_export
from mcp_sessions.testing.clock import FakeClock

SessionT = TypeVar("SessionT", bound=BaseSession)


class RecordedSessions:
    """What the fixture ``recorded_sessions`` is: it puts recorded sessions into ``session_store``, as if it were then.

    Args:
        store: Where to put them.
        clock: The store's clock, on which they have as long to live as they had when they were recorded.
    """

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self._store = store
        self._clock = clock

    @overload
    async def __call__(self, path: str | os.PathLike[str]) -> list[SessionCopy]: ...
    @overload
    async def __call__(self, path: str | os.PathLike[str], accessor: type[SessionT]) -> list[SessionT]: ...

    async def __call__(
        self, path: str | os.PathLike[str], accessor: type[SessionT] | None = None
    ) -> list[SessionT] | list[SessionCopy]:
        """Put in all sessions of a file, and return an accessor for each that is of one schema, as its owner has it.

        Args:
            path: The file.
            accessor: The generated class, as it is now; without one, what was recorded is returned.

        Raises:
            mcp_sessions.StoreError: If the file is no export, or a session of it cannot be put in.
        """
        with Path(path).open(encoding="utf-8") as lines:
            copies = _moved(list(read_export(lines)), self._clock.now)
        for copy in copies:
            await self._store.copy_in(copy)
        if accessor is None:
            return copies
        return [self._opened(copy, accessor) for copy in copies if copy.address.schema == accessor.schema.name]

    def _opened(self, copy: SessionCopy, accessor: type[SessionT]) -> SessionT:
        call = Call(self._store, Caller(copy.owner, individual=copy.owner is not None))
        return accessor(call, access_to(accessor.schema, copy.address, call))


def _moved(copies: Sequence[SessionCopy], now: float) -> list[SessionCopy]:
    """Return sessions with their times moved so that the moment at which they were recorded is now.

    An export does not say when it was made. It was when the last of them began or was used, or later; and each use
    leaves an expiry that tells when it was.
    """
    uses = [max(copy.created, copy.expires - copy.idle * (1 + SLIDE_STEP)) for copy in copies]
    by = now - max(uses, default=now)
    return [
        replace(
            copy,
            created=copy.created + by,
            expires=copy.expires + by,
            max_at=None if copy.max_at is None else copy.max_at + by,
            untils={key: until + by for key, until in copy.untils.items()},
        )
        for copy in copies
    ]
