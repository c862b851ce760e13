"""The store in memory: fast, for one process, gone with it."""

import heapq
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from mcp_sessions.errors import StoreError
from mcp_sessions.stores import rows
from mcp_sessions.stores.base import Address, Clock, Space
from mcp_sessions.stores.records import Record
from mcp_sessions.stores.rowstore import Operation, Result, RowStore

_Name: TypeAlias = tuple[Space, str]

_SWEEP: Final = 8
"""How many sessions that are due each operation removes in passing: more than it can add."""


class MemoryStore(RowStore):
    """Sessions in this process's memory; expired ones go away as others are used.

    Safe to use from several threads and event loops.
    """

    def __init__(self, *, clock: Clock = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rows: _MemoryRows | None = _MemoryRows()

    async def _perform(self, operation: Operation[Result], *, writes: bool = True) -> Result:
        with self._lock:
            if self._rows is None:
                raise StoreError("the session store is closed")
            now = self._clock()
            rows.purge(self._rows, now, _SWEEP)
            return operation(self._rows, now)

    async def aclose(self) -> None:
        """See ``Store.aclose``; all sessions are gone."""
        with self._lock:
            self._rows = None


class _MemoryRows:
    """Rows in dictionaries, and an agenda of what is due when: one valid entry per session, and some stale ones."""

    def __init__(self) -> None:
        self._records: dict[_Name, Record] = {}
        self._values: dict[_Name, dict[str, dict[str, bytes]]] = {}
        self._agenda: list[tuple[float, _Name]] = []
        self._entered: dict[_Name, float] = {}

    def find(self, space: Space, id: str) -> Record | None:
        return self._records.get((space, id))

    def keep(self, space: Space, id: str, record: Record) -> None:
        self._records[space, id] = record
        self._enter((space, id), record.due)

    def forget(self, space: Space, id: str) -> None:
        del self._records[space, id]

    def due(self, now: float, limit: int) -> list[tuple[Space, str, Record]]:
        found: list[tuple[Space, str, Record]] = []
        while self._agenda and self._agenda[0][0] <= now and len(found) < limit:
            at, name = heapq.heappop(self._agenda)
            if self._entered.get(name) != at:
                continue
            del self._entered[name]
            record = self._records.get(name)
            if record is None:
                continue
            if record.due <= now:
                found.append((*name, record))
            else:
                self._enter(name, record.due)
        return found

    def get(self, address: Address, keys: Sequence[str] | None) -> dict[str, bytes]:
        values = self._of(address)
        return values.copy() if keys is None else {key: values[key] for key in keys if key in values}

    def names(self, address: Address) -> list[str]:
        return sorted(self._of(address))

    def put(self, address: Address, changes: Mapping[str, bytes | None]) -> None:
        values = self._values.setdefault((address.space, address.id), {}).setdefault(address.schema, {})
        for key, value in changes.items():
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value

    def drop(self, space: Space, id: str, schema: str | None = None) -> None:
        if schema is None:
            self._values.pop((space, id), None)
        else:
            self._values.get((space, id), {}).pop(schema, None)

    def _of(self, address: Address) -> dict[str, bytes]:
        return self._values.get((address.space, address.id), {}).get(address.schema, {})

    def _enter(self, name: _Name, due: float) -> None:
        """Put a session on the agenda, unless it is there for an earlier time: then it is looked at again."""
        if due < self._entered.get(name, float("inf")):
            heapq.heappush(self._agenda, (due, name))
            self._entered[name] = due
