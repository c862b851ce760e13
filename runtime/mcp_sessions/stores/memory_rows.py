"""Sessions in dictionaries, and agendas of what is due when."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import TypeAlias

from mcp_sessions.stores.agenda import Agenda
from mcp_sessions.stores.medium import Ahead
from mcp_sessions.stores.records import Record, is_settled
from mcp_sessions.stores.terms import GRACE_SECONDS, TRANSPORT_SCHEMA, Access, Address, Space

_Name: TypeAlias = tuple[Space, str, str]


class Held:
    """What is kept of one session: its record, and its values, each with the time until which it is one."""

    __slots__ = ("record", "values")

    def __init__(self, record: Record) -> None:
        self.record = record
        self.values: dict[str, tuple[bytes, float]] = {}


class _Rows:
    """Rows in dictionaries, by space and id, then by schema: so parents and children are together."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[Space, str], dict[str, Held]] = {}
        self._sessions_due: Agenda[_Name] = Agenda()
        self._values_due: Agenda[tuple[_Name, str]] = Agenda()
        self._owned: dict[str | None, set[_Name]] = {}
        self._count = 0

    def find(self, address: Address, ahead: Ahead | None = None) -> Record | None:
        held = self._family(address).get(address.schema)
        return None if held is None else held.record

    def find_with_parent(self, address: Address, ahead: Ahead | None = None) -> tuple[Record | None, Record | None]:
        return self.find(address), self.find(address.parent)

    def children(self, address: Address) -> list[tuple[Address, Record]]:
        family = ((replace(address, schema=schema), held.record) for schema, held in self._family(address).items())
        return [(child, record) for child, record in family if child != address]

    def keep(self, address: Address, record: Record) -> None:
        family = self._sessions.setdefault((address.space, address.id), {})
        held = family.get(address.schema)
        self._recount(address, None if held is None else held.record, record)
        if held is None:
            family[address.schema] = Held(record)
        else:
            held.record = record
        self._sessions_due.enter(_name(address), record.due)

    def forget(self, address: Address) -> None:
        family = self._family(address)
        self._recount(address, family.pop(address.schema).record, None)
        if not family:
            del self._sessions[address.space, address.id]
        self._sessions_due.strike(_name(address))

    def due(self, now: float, limit: int) -> list[tuple[Address, Record]]:
        found: list[tuple[Address, Record]] = []
        while len(found) < limit and (name := self._sessions_due.next(now)) is not None:
            address = Address(*name)
            record = self._family(address)[address.schema].record
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
        values = self._of(address)
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
        values = self._of(address)
        for key, (_, until) in values.items():
            if until < inf:
                self._values_due.strike((name, key))
        values.clear()

    def over(self, now: float, limit: int) -> list[tuple[Address, str]]:
        found: list[tuple[Address, str]] = []
        while len(found) < limit and (due := self._values_due.next(now)) is not None:
            name, key = due
            address = Address(*name)
            _, until = self._of(address)[key]
            if until <= now:
                found.append((address, key))
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
            if (record := self._sessions[name[:2]][name[2]].record).is_live(now) and owner in (None, record.owner)
        )
        return [(Address(*name), self._sessions[name[:2]][name[2]].record) for name in heapq.nsmallest(limit, live)]

    def _names(self) -> Iterable[_Name]:
        return ((space, id, name) for (space, id), family in self._sessions.items() for name in family)

    def _names_of(self, owner: str) -> Iterable[_Name]:
        """Return the sessions of an owner: those that are counted, and their children."""
        for space, id, schema in self._owned.get(owner, ()):
            is_parent = Address(space, id, schema).is_parent
            yield from ((space, id, name) for name in (self._sessions[space, id] if is_parent else (schema,)))

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

    def _family(self, address: Address) -> dict[str, Held]:
        """Return the sessions with the same space and id by schema: in the space of transports, parent and children."""
        return self._sessions.get((address.space, address.id), {})

    def _of(self, address: Address) -> dict[str, tuple[bytes, float]]:
        held = self._family(address).get(address.schema)
        return {} if held is None else held.values


class MemoryRows(_Rows):
    """Rows, and whether there is anything to decide about a use of them."""

    def settled(self, access: Access, now: float) -> Held | None:
        """Return a session that is the caller's to use, of the caller's version, and that no use now would move.

        Nor would it move the parent. None for a session of which any of this is not so, and as long as something
        has to be purged: then it is for the rules to decide.
        """
        if self.is_behind(now):
            return None
        address, owner = access.address, access.owner
        family = self._sessions.get((address.space, address.id), {})
        held = family.get(address.schema)
        if held is None or held.record.version != access.version or not is_settled(held.record, owner, now):
            return None
        if address.has_parent:
            parent = family.get(TRANSPORT_SCHEMA)
            if parent is None or not is_settled(parent.record, owner, now):
                return None
        return held

    def is_behind(self, now: float) -> bool:
        """Tell whether something may have been left to callers of ``purge_expired`` for long enough."""
        due = now - GRACE_SECONDS
        return self._sessions_due.first <= due or self._values_due.first <= due


def _name(address: Address) -> _Name:
    return address.space, address.id, address.schema
