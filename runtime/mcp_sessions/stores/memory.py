"""The store in memory: fast, for one process, gone with it."""

import heapq
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from mcp_sessions.errors import StoreError
from mcp_sessions.stores import rows
from mcp_sessions.stores.base import GRACE_SECONDS, Address, Clock, Space
from mcp_sessions.stores.records import Record
from mcp_sessions.stores.rowstore import Operation, Result, RowStore

_Name: TypeAlias = tuple[Space, str, str]

_SWEEP: Final = 8
"""How many sessions that are due each operation removes in passing: more than it can add."""

_STALE: Final = 64
"""How many entries of the agenda may be stale, besides as many as are valid, before it is made anew."""


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
            try:
                return operation(self._rows, now)
            finally:
                rows.purge(self._rows, now - GRACE_SECONDS, _SWEEP)

    async def aclose(self) -> None:
        """See ``Store.aclose``; all sessions are gone."""
        with self._lock:
            self._rows = None


class _MemoryRows:
    """Rows in dictionaries, and an agenda of what is due when: one valid entry per session, and some stale ones."""

    def __init__(self) -> None:
        self._records: dict[tuple[Space, str], dict[str, Record]] = {}
        self._values: dict[_Name, dict[str, bytes]] = {}
        self._agenda: list[tuple[float, _Name]] = []
        self._entered: dict[_Name, float] = {}

    def find(self, address: Address) -> Record | None:
        return self._family(address).get(address.schema)

    def find_with_parent(self, address: Address) -> tuple[Record | None, Record | None]:
        return self.find(address), self.find(address.parent)

    def children(self, address: Address) -> list[tuple[Address, Record]]:
        family = ((replace(address, schema=schema), record) for schema, record in self._family(address).items())
        return [(child, record) for child, record in family if child != address]

    def keep(self, address: Address, record: Record) -> None:
        self._records.setdefault((address.space, address.id), {})[address.schema] = record
        self._enter(_name(address), record.due)

    def forget(self, address: Address) -> None:
        family = self._family(address)
        del family[address.schema]
        if not family:
            del self._records[address.space, address.id]
        self._entered.pop(_name(address), None)
        if len(self._agenda) > 2 * len(self._entered) + _STALE:
            self._agenda = [(due, name) for name, due in self._entered.items()]
            heapq.heapify(self._agenda)

    def due(self, now: float, limit: int) -> list[tuple[Address, Record]]:
        found: list[tuple[Address, Record]] = []
        while self._agenda and self._agenda[0][0] <= now and len(found) < limit:
            at, name = heapq.heappop(self._agenda)
            if self._entered.get(name) != at:
                continue
            del self._entered[name]
            address = Address(*name)
            record = self._family(address)[address.schema]
            if record.due <= now:
                found.append((address, record))
            else:
                self._enter(name, record.due)
        return found

    def get(self, address: Address, keys: Sequence[str] | None) -> dict[str, bytes]:
        values = self._of(address)
        return values.copy() if keys is None else {key: values[key] for key in keys if key in values}

    def names(self, address: Address) -> list[str]:
        return sorted(self._of(address))

    def put(self, address: Address, changes: Mapping[str, bytes | None]) -> None:
        values = self._values.setdefault(_name(address), {})
        for key, value in changes.items():
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value

    def drop(self, address: Address) -> None:
        self._values.pop(_name(address), None)

    def _family(self, address: Address) -> dict[str, Record]:
        """Return the sessions with the same space and id by schema: in the space of transports, parent and children."""
        return self._records.get((address.space, address.id), {})

    def _of(self, address: Address) -> dict[str, bytes]:
        return self._values.get(_name(address), {})

    def _enter(self, name: _Name, due: float) -> None:
        """Put a session on the agenda, unless it is there for an earlier time: then it is looked at again."""
        if due < self._entered.get(name, float("inf")):
            heapq.heappush(self._agenda, (due, name))
            self._entered[name] = due


def _name(address: Address) -> _Name:
    return address.space, address.id, address.schema
