"""Sessions as rows in the documents that were loaded; what is missing is asked for by an exception.

The operations of ``mcp_sessions.stores.rows`` do not wait, and a backend is waited for. So an operation runs until it
needs what is not there, and again from the start when it is; what it changed meanwhile is forgotten.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final, NamedTuple

from mcp_sessions.errors import StoreError
from mcp_sessions.stores import cursors
from mcp_sessions.stores.keyvalue.family import Family, Values, home_of, name_of
from mcp_sessions.stores.keyvalue.index import SHARDS, Entry, Index, shard_of, shard_of_owner
from mcp_sessions.stores.medium import Ahead
from mcp_sessions.stores.records import Record
from mcp_sessions.stores.terms import Address

_log: Final = logging.getLogger("mcp_sessions")

_BATCH: Final = 100
"""How many sessions a listing loads at once."""


class NotLoadedError(Exception):
    """An operation needs documents that are yet to be loaded.

    Attributes:
        sessions: Names of documents of sessions.
        index: Names of documents of the index.
        alone: Whether nobody else may change them until the operation is done.
    """

    def __init__(self, sessions: Sequence[str] = (), index: Sequence[str] = (), *, alone: bool = True) -> None:
        super().__init__()
        self.sessions, self.index, self.alone = list(sessions), list(index), alone


@dataclass(slots=True)
class Loaded:
    """What was loaded for one operation: documents of sessions by name, None where there is none, and the index."""

    documents: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    index: Index = field(default_factory=Index)


class Change(NamedTuple):
    """What became of one document, and what the index had to know of it before and has to know now."""

    name: str
    family: Family | None
    before: Entry | None
    after: Entry | None

    @property
    def shards(self) -> set[int]:
        """The documents of the index that this concerns."""
        return {shard_of(self.name, entry.owner) for entry in (self.before, self.after) if entry is not None}

    @property
    def promises(self) -> bool:
        """Whether the index must know of it before it is written."""
        before, after = self.before, self.after
        if before is None or after is None:
            return after is not None
        return after.live and (after.owner != before.owner or not before.live or after.due < before.due)

    @property
    def relieves(self) -> bool:
        """Whether the index has to know less once it is written."""
        before, after = self.before, self.after
        if before is None or after is None:
            return before is not None
        return after.owner != before.owner or (before.live and not after.live)


class _Rows:
    """Rows in documents, which are read when they are asked for."""

    def __init__(self, loaded: Loaded) -> None:
        self._documents = loaded.documents
        self._index = loaded.index
        self._families: dict[str, Family | None] = {}
        self._before: dict[str, Entry | None] = {}
        self._changed: set[str] = set()
        self._found = 0

    def find(self, address: Address, ahead: Ahead | None = None) -> Record | None:
        family = self._family(address)
        return None if family is None else family.records.get(address.schema)

    def find_with_parent(self, address: Address, ahead: Ahead | None = None) -> tuple[Record | None, Record | None]:
        return self.find(address), self.find(address.parent)

    def children(self, address: Address) -> list[tuple[Address, Record]]:
        family = self._family(address)
        return [] if family is None else [member for member in _members(family) if member[0] != address]

    def keep(self, address: Address, record: Record) -> None:
        self._changing(address).records[address.schema] = record

    def forget(self, address: Address) -> None:
        family = self._changing(address)
        del family.records[address.schema]
        family.values.pop(address.schema, None)

    def due(self, now: float, limit: int) -> list[tuple[Address, Record]]:
        members = (member for family in self._all() for member in _members(family))
        due = [(address, record) for address, record in members if record.due <= now][:limit]
        self._found += len(due)
        return due

    def get(self, address: Address, keys: Sequence[str] | None, now: float) -> dict[str, bytes]:
        values = self._values(address)
        found = ((key, values[key]) for key in (values if keys is None else keys) if key in values)
        return {key: value for key, (value, until) in found if now < until}

    def untils(self, address: Address) -> dict[str, float]:
        return {key: until for key, (_, until) in self._values(address).items() if until < inf}

    def names(self, address: Address, now: float) -> list[str]:
        return sorted(key for key, (_, until) in self._values(address).items() if now < until)

    def put(self, address: Address, changes: Mapping[str, bytes | None], untils: Mapping[str, float]) -> None:
        values = self._changing(address).values.setdefault(address.schema, {})
        for key, value in changes.items():
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value, untils.get(key, inf)

    def over(self, now: float, limit: int) -> list[tuple[Address, str]]:
        over = [
            (address, key)
            for family in self._all()
            for address, _ in _members(family)
            for key, (_, until) in self._values(address).items()
            if until <= now
        ][:limit]
        self._found += len(over)
        return over

    def stored(self, address: Address, keys: Sequence[str]) -> int:
        values = self._values(address)
        return sum(len(key.encode()) + len(values[key][0]) for key in keys if key in values)

    def drop(self, address: Address) -> None:
        if self._values(address):
            del self._changing(address).values[address.schema]

    def count(self) -> int:
        if self._index.lacks(()):
            raise NotLoadedError(index=self._index.lacks(shard_of(name, None) for name in self._families))
        return self._index.count()

    def count_of(self, owner: str, most: int) -> int:
        if lacking := self._index.lacks([shard_of_owner(owner)]):
            raise NotLoadedError(index=lacking)
        return self._index.count_of(owner)

    def scan(
        self, schema: str | None, owner: str | None, now: float, limit: int, after: tuple[str, str, str]
    ) -> list[tuple[Address, Record]]:
        shards = range(SHARDS) if owner is None else [shard_of_owner(owner)]
        if lacking := self._index.lacks(shards, counts=False):
            raise NotLoadedError(index=lacking, alone=False)
        start = _position(after)
        names = [name for name in self._index.live(shards, owner) if name >= start[0]]
        found: list[tuple[Address, Record]] = []
        for at, name in enumerate(names):
            if name not in self._documents:
                raise NotLoadedError([n for n in names[at : at + _BATCH] if n not in self._documents], alone=False)
            for address, record in _members(self._readable(name)):
                wanted = schema in (None, address.schema) and owner in (None, record.owner)
                if wanted and record.is_live(now) and (name, address.schema) > start:
                    found.append((address, record))
            if len(found) >= limit:
                break
        return found[:limit]

    def _family(self, address: Address) -> Family | None:
        name = name_of(home_of(address))
        if name not in self._documents:
            raise NotLoadedError([name])
        return self._load(name)

    def _load(self, name: str) -> Family | None:
        if name not in self._families:
            family = self._families[name] = Family.read(name, self._documents[name])
            self._before[name] = None if family is None else family.entry()
        return self._families[name]

    def _readable(self, name: str) -> Family | None:
        """Return what a document holds; None, and a word in the log, where it is damaged."""
        try:
            return self._load(name)
        except StoreError as error:
            _log.warning("a session cannot be listed: %s", error)
            return None

    def _changing(self, address: Address) -> Family:
        home = home_of(address)
        name = name_of(home)
        family = self._family(address) or Family(home)
        self._families[name] = family
        self._changed.add(name)
        return family

    def _values(self, address: Address) -> Values:
        family = self._family(address)
        return {} if family is None else family.values.get(address.schema, {})

    def _all(self) -> list[Family]:
        families = [self._load(name) for name in sorted(self._documents)]
        return [family for family in families if family is not None]


class FamilyRows(_Rows):
    """The rows of one operation, and what became of them."""

    @property
    def found(self) -> int:
        """How many sessions and values were due."""
        return self._found

    def changes(self) -> list[Change]:
        """Return what became of the documents that were changed."""
        return [self.change(name) for name in sorted(self._changed)]

    def change(self, name: str) -> Change:
        """Return what became of a document that was loaded."""
        family = self._load(name)
        if family is not None and family.home.schema not in family.records:
            family = None  # without a parent there are no children
        return Change(name, family, self._before[name], None if family is None else family.entry())


def _members(family: Family | None) -> list[tuple[Address, Record]]:
    if family is None:
        return []
    home = family.home
    return [(Address(home.space, home.id, schema), record) for schema, record in sorted(family.records.items())]


def _position(after: tuple[str, str, str]) -> tuple[str, str]:
    """Return the place in the order of listings, which is that of documents' names and schemas, of a cursor's name."""
    if after == cursors.START:
        return "", ""
    space, id, schema = after
    address = Address(space, id, schema)  # type: ignore[arg-type] # a cursor's space may be any text; no session has it
    return name_of(home_of(address)), schema
