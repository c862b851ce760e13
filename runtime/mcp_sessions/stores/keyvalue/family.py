"""What one document holds: a session and, of a transport session, its children. So nothing of it is half-written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil, inf
from types import NoneType
from typing import Any, Final, TypeAlias, get_args

from mcp_sessions.stores.keyvalue.documents import content_of, digest, not_ours, text_of, value_of, written
from mcp_sessions.stores.keyvalue.index import Entry
from mcp_sessions.stores.records import Record, State
from mcp_sessions.stores.terms import GRACE_SECONDS, Address

Values: TypeAlias = dict[str, tuple[bytes, float]]
"""Values by key, each with the time until which it is one."""

_NUMBER: Final = (int, float)
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "version": (int,),
    "digest": (str,),
    "owner": (str, NoneType),
    "created": _NUMBER,
    "expires": _NUMBER,
    "idle": _NUMBER,
    "max_at": (*_NUMBER, NoneType),
    "state": (str,),
    "size": (int,),
    "since": (int,),
}

_FOREVER: Final = 10 * 365 * 86400
"""Seconds from which on a backend is told of no expiry: dates have an end, in most of them."""


def home_of(address: Address) -> Address:
    """Return the session whose document an address is in: the parent's for a child."""
    return address.parent if address.has_parent else address


def name_of(home: Address) -> str:
    """Return the name of a document."""
    return f"session-{digest(home.space, home.id, home.schema)}"


@dataclass(slots=True)
class Family:
    """A session and its children by schema, tombstones included."""

    home: Address
    records: dict[str, Record] = field(default_factory=dict)
    values: dict[str, Values] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str, document: Mapping[str, Any] | None) -> "Family | None":
        """Return what a document holds; None where there is none.

        Raises:
            StoreError: If it cannot be read.
        """
        content = content_of(name, document)
        if content is None:
            return None
        try:
            space, id, schema = content["address"]
            home = Address(space, id, schema)
            records = {key: _record(given) for key, given in content["records"].items()}
            values = {key: dict(_values(given)) for key, given in content["values"].items()}
            if not (name_of(home) == name and schema in records and values.keys() <= records.keys()):
                raise ValueError("not what the name says")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise not_ours(name) from error
        return cls(home, records, values)

    def written(self) -> dict[str, Any]:
        """Return its document."""
        home = self.home
        return written(
            {
                "address": [home.space, home.id, home.schema],
                "records": {schema: record._asdict() for schema, record in self.records.items()},
                "values": {
                    schema: {
                        key: [text_of(value), None if until == inf else until] for key, (value, until) in of.items()
                    }
                    for schema, of in self.values.items()
                    if of
                },
            }
        )

    def entry(self) -> Entry:
        """Return what the index has to know of it."""
        head = self.records[self.home.schema]
        due = [record.due for record in self.records.values()]
        due += [until for values in self.values.values() for _, until in values.values()]
        owner = None if head.owner is None else digest(head.owner)
        return Entry(owner, min(due), head.state == "live")

    def ttl(self, now: float) -> int | None:
        """Return in how many seconds the backend may remove it by itself: when purging has had its time.

        Whole ones, of which some backends make whole ones by cutting off.
        """
        left = ceil(max(record.forgotten for record in self.records.values()) + GRACE_SECONDS - now)
        return max(left, 1) if left < _FOREVER else None


def _record(kept: Mapping[str, Any]) -> Record:
    given = {"since": 0, **kept}  # which documents of former versions lack
    for name, types in _TYPES.items():
        if not isinstance(given[name], types) or isinstance(given[name], bool):
            raise TypeError(name)
    if given["state"] not in get_args(State):
        raise ValueError("state")
    return Record(**given)


def _values(given: Mapping[str, Any]) -> Iterator[tuple[str, tuple[bytes, float]]]:
    for key, (text, until) in given.items():
        yield key, (value_of(text), inf if until is None else float(until))
