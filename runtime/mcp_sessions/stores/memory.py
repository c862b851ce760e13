"""The store in memory: fast, for one process, gone with it.

Nearly every call finds a session that is the caller's, and would leave it as it is but for the value. ``read``,
``write`` and ``increment`` look for just that first; whatever else there may be, and all that is refused, is left
to ``rows``.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from math import inf
from typing import Final

from mcp_sessions.errors import StoreError
from mcp_sessions.stores import jsontext, room, rows
from mcp_sessions.stores.base import GRACE_SECONDS, Access, Clock
from mcp_sessions.stores.memory_rows import Held, MemoryRows
from mcp_sessions.stores.rowstore import Operation, Result, RowStore
from mcp_sessions.stores.texts import require_text

_SWEEP: Final = 8
"""How many sessions and values that are due each operation removes in passing: more than most can add."""


class MemoryStore(RowStore):
    """Sessions in this process's memory; expired ones go away as others are used.

    Safe to use from several threads and event loops.
    """

    def __init__(self, *, clock: Clock = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rows: MemoryRows | None = MemoryRows()

    async def read(self, access: Access, keys: Sequence[str] | None = None) -> dict[str, bytes]:
        """See ``Store.read``."""
        with self._lock:
            now = self._clock()
            held = None if self._rows is None else self._rows.settled(access, now)
            if held is not None and keys is not None:
                found = _values(held, keys, now)
        if held is None or keys is None:
            return await super().read(access, keys)
        if access.found is not None:
            access.found()
        return found

    async def write(
        self,
        access: Access,
        changes: Mapping[str, bytes | None],
        expected: Mapping[str, bytes | None] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> dict[str, bytes | None] | None:
        """See ``Store.write``."""
        with self._lock:
            held = None if ttls or self._rows is None else self._rows.settled(access, self._clock())
            is_done = held is not None and (not expected or _holds(held, expected)) and _replace(held, access, changes)
        if not is_done:
            return await super().write(access, changes, expected, ttls)
        if access.found is not None:
            access.found()
        return None

    async def increment(
        self, access: Access, key: str, by: int | float, initial: bytes, ttl: float | None = None
    ) -> bytes:
        """See ``Store.increment``."""
        with self._lock:
            held = None if ttl is not None or self._rows is None else self._rows.settled(access, self._clock())
            former = None if held is None else held.values.get(key)
            is_done = False
            if held is not None and former is not None and former[1] == inf:
                total = jsontext.added(former[0], by)
                is_done = _replace(held, access, {key: total})
        if not is_done:
            return await super().increment(access, key, by, initial, ttl)
        if access.found is not None:
            access.found()
        return total

    async def _perform(self, operation: Operation[Result], *, writes: bool = True) -> Result:
        with self._lock:
            if self._rows is None:
                raise StoreError("the session store is closed")
            now = self._clock()
            try:
                return operation(self._rows, now)
            finally:
                if self._rows.is_behind(now):
                    rows.purge(self._rows, now - GRACE_SECONDS, _SWEEP)

    async def aclose(self) -> None:
        """See ``Store.aclose``; all sessions are gone."""
        with self._lock:
            self._rows = None


def _values(held: Held, keys: Sequence[str], now: float) -> dict[str, bytes]:
    """Return what keys are set to."""
    found = {}
    for key in keys:
        value = held.values.get(key)
        if value is None:
            require_text(key)
        elif now < value[1]:
            found[key] = value[0]
    return found


def _holds(held: Held, expected: Mapping[str, bytes | None]) -> bool:
    """Tell whether these keys are set to just these values, for as long as the session lives."""
    return all(held.values.get(key) == (value, inf) for key, value in expected.items())


def _replace(held: Held, access: Access, changes: Mapping[str, bytes | None]) -> bool:
    """Put values in place of others, if the keys are set for as long as the session lives, and there is room.

    Returns:
        Whether it was done; otherwise nothing was changed.
    """
    longest, size = 0, held.record.size
    for key, value in changes.items():
        former = held.values.get(key)
        if value is None or former is None or former[1] != inf:
            return False
        if len(value) > longest:
            longest = len(value)
        size += len(value) - len(former[0])
    if not room.is_ample(access.limits, longest, size):
        return False
    if size != held.record.size:
        held.record = held.record._replace(size=size)
    for key, value in changes.items():
        if value is not None:
            held.values[key] = value, inf
    return True
