"""The store in memory: fast, for one process, gone with it."""

import heapq
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Final, TypeAlias

from mcp_sessions.errors import StoreError
from mcp_sessions.stores import rows
from mcp_sessions.stores.agenda import Agenda
from mcp_sessions.stores.base import GRACE_SECONDS, Address, Clock, Space
from mcp_sessions.stores.records import Record
from mcp_sessions.stores.rowstore import Operation, Result, RowStore

_Name: TypeAlias = tuple[Space, str, str]

_SWEEP: Final = 8
"""How many sessions and values that are due each operation removes in passing: more than most can add."""


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
    """Rows in dictionaries, each value with the time until which it is one, and agendas of what is due when."""

    def __init__(self) -> None:
        self._records: dict[tuple[Space, str], dict[str, Record]] = {}
        self._values: dict[_Name, dict[str, tuple[bytes, float]]] = {}
        self._sessions_due: Agenda[_Name] = Agenda()
        self._values_due: Agenda[tuple[_Name, str]] = Agenda()
        self._owned: dict[str | None, set[_Name]] = {}
        self._count = 0

    def find(self, address: Address) -> Record | None:
        return self._family(address).get(address.schema)

    def find_with_parent(self, address: Address) -> tuple[Record | None, Record | None]:
        return self.find(address), self.find(address.parent)

    def children(self, address: Address) -> list[tuple[Address, Record]]:
        family = ((replace(address, schema=schema), record) for schema, record in self._family(address).items())
        return [(child, record) for child, record in family if child != address]

    def keep(self, address: Address, record: Record) -> None:
        family = self._records.setdefault((address.space, address.id), {})
        self._recount(address, family.get(address.schema), record)
        family[address.schema] = record
        self._sessions_due.enter(_name(address), record.due)

    def forget(self, address: Address) -> None:
        family = self._family(address)
        self._recount(address, family.pop(address.schema), None)
        if not family:
            del self._records[address.space, address.id]
        self._sessions_due.strike(_name(address))

    def due(self, now: float, limit: int) -> list[tuple[Address, Record]]:
        found: list[tuple[Address, Record]] = []
        while len(found) < limit and (name := self._sessions_due.next(now)) is not None:
            address = Address(*name)
            record = self._family(address)[address.schema]
            if record.due <= now:
                found.append((address, record))
            else:
                self._sessions_due.enter(name, record.due)
        return found

    def get(self, address: Address, keys: Sequence[str] | None, now: float) -> dict[str, bytes]:
        values = self._of(address)
        found = ((key, values[key]) for key in (values if keys is None else keys) if key in values)
        return {key: value for key, (value, until) in found if now < until}

    def untils(self, address: Address) -> dict[str, float]:
        return {key: until for key, (_, until) in self._of(address).items() if until < inf}

    def names(self, address: Address, now: float) -> list[str]:
        return sorted(key for key, (_, until) in self._of(address).items() if now < until)

    def put(self, address: Address, changes: Mapping[str, bytes | None], untils: Mapping[str, float]) -> None:
        name = _name(address)
        values = self._values.setdefault(name, {})
        for key, value in changes.items():
            until = untils.get(key, inf)
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value, until
            if value is None or until == inf:
                self._values_due.strike((name, key))
            else:
                self._values_due.enter((name, key), until)

    def drop(self, address: Address) -> None:
        name = _name(address)
        for key, (_, until) in self._values.pop(name, {}).items():
            if until < inf:
                self._values_due.strike((name, key))

    def over(self, now: float, limit: int) -> list[tuple[Address, str]]:
        found: list[tuple[Address, str]] = []
        while len(found) < limit and (due := self._values_due.next(now)) is not None:
            name, key = due
            _, until = self._values[name][key]
            if until <= now:
                found.append((Address(*name), key))
            else:
                self._values_due.enter(due, until)
        return found

    def stored(self, address: Address, keys: Sequence[str]) -> int:
        values = self._of(address)
        return sum(len(key.encode()) + len(values[key][0]) for key in keys if key in values)

    def count(self) -> int:
        return self._count

    def count_of(self, owner: str, most: int) -> int:
        return len(self._owned.get(owner, ()))

    def scan(
        self, schema: str | None, owner: str | None, now: float, limit: int, after: tuple[str, str, str]
    ) -> list[tuple[Address, Record]]:
        names = self._names() if owner is None else self._names_of(owner)
        live = (
            name
            for name in names
            if name > after and schema in (None, name[2])
            if (record := self._records[name[:2]][name[2]]).is_live(now) and owner in (None, record.owner)
        )
        return [(Address(*name), self._records[name[:2]][name[2]]) for name in heapq.nsmallest(limit, live)]

    def _names(self) -> Iterable[_Name]:
        return ((space, id, name) for (space, id), family in self._records.items() for name in family)

    def _names_of(self, owner: str) -> Iterable[_Name]:
        """Return the sessions of an owner: those that are counted, and their children."""
        for space, id, schema in self._owned.get(owner, ()):
            is_parent = Address(space, id, schema).is_parent
            yield from ((space, id, name) for name in (self._records[space, id] if is_parent else (schema,)))

    def _recount(self, address: Address, former: Record | None, record: Record | None) -> None:
        """Keep count of the sessions that are live, except children."""
        was, is_one = (known is not None and known.state == "live" for known in (former, record))
        if address.has_parent or (was == is_one and former and record and former.owner == record.owner):
            return
        if former is not None and was:
            self._count -= 1
            owned = self._owned[former.owner]
            owned.discard(_name(address))
            if not owned:
                del self._owned[former.owner]
        if record is not None and is_one:
            self._count += 1
            self._owned.setdefault(record.owner, set()).add(_name(address))

    def _family(self, address: Address) -> dict[str, Record]:
        """Return the sessions with the same space and id by schema: in the space of transports, parent and children."""
        return self._records.get((address.space, address.id), {})

    def _of(self, address: Address) -> dict[str, tuple[bytes, float]]:
        return self._values.get(_name(address), {})


def _name(address: Address) -> _Name:
    return address.space, address.id, address.schema
