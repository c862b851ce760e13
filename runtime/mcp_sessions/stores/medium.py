"""What a medium has to offer so that sessions can be kept in it as rows."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from mcp_sessions.stores.records import Record
from mcp_sessions.stores.terms import Address


class Ahead(NamedTuple):
    """What an operation will most likely ask of a session that it looks for: the value of a key, or only its size."""

    key: str
    value: bool = True


class Rows(Protocol):
    """Records by address, and values by address and key; knows nothing of what is live or whose it is."""

    def find(self, address: Address, ahead: Ahead | None = None) -> Record | None:
        """Return a session's record, tombstones included; what is asked for next, a medium may look up with it."""
        ...

    def find_with_parent(self, address: Address, ahead: Ahead | None = None) -> tuple[Record | None, Record | None]:
        """Return the record of a session that has a parent, and the parent's record, tombstones included."""
        ...

    def children(self, address: Address) -> list[tuple[Address, Record]]:
        """Return all children of a parent, tombstones included."""
        ...

    def keep(self, address: Address, record: Record) -> None:
        """Put a record in place of the session's former one."""
        ...

    def forget(self, address: Address) -> None:
        """Remove a record."""
        ...

    def due(self, now: float, limit: int) -> list[tuple[Address, Record]]:
        """Return up to ``limit`` sessions whose records are due."""
        ...

    def get(self, address: Address, keys: Sequence[str] | None, now: float) -> dict[str, bytes]:
        """Return the values of ``keys`` (None: of all keys) that are set."""
        ...

    def untils(self, address: Address) -> dict[str, float]:
        """Return until when those keys are set that are not set for as long as the session lives."""
        ...

    def names(self, address: Address, now: float) -> list[str]:
        """Return the keys that are set, sorted."""
        ...

    def put(self, address: Address, changes: Mapping[str, bytes | None], untils: Mapping[str, float]) -> None:
        """Set keys, or unset those whose value is None; a key in ``untils`` is set only until that time."""
        ...

    def over(self, now: float, limit: int) -> list[tuple[Address, str]]:
        """Return up to ``limit`` values, as session and key, whose time is over."""
        ...

    def stored(self, address: Address, keys: Sequence[str]) -> int:
        """Return how many bytes these keys and their values take, those included whose time is over."""
        ...

    def drop(self, address: Address) -> None:
        """Remove a session's values."""
        ...

    def count(self) -> int:
        """Return how many sessions, except children, have the state "live"."""
        ...

    def count_of(self, owner: str, most: int) -> int:
        """Return how many of those are the owner's; no need to count further than ``most``."""
        ...

    def scan(
        self, schema: str | None, owner: str | None, now: float, limit: int, after: tuple[str, str, str]
    ) -> list[tuple[Address, Record]]:
        """Return live sessions (None: of all schemas, of all owners) in the order of their names, after one name."""
        ...
