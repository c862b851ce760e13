"""How many sessions there are and how large, by schema and in all, in one go through the store."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heappush, heappushpop

from mcp_sessions.admin.catalog import title_of
from mcp_sessions.stores.base import Store, require_store
from mcp_sessions.stores.terms import Listed

_PAGE = 500
_SMALLEST = 64
_SAMPLE = 4096
_ALL = 2**64


class Distinct:
    """Counts different texts: exactly as long as there are few, else nearly, from the smallest of their digests.

    So it takes the same room however many there are; 4096 digests are off by one part in 64 as a rule.
    """

    def __init__(self) -> None:
        self._kept: set[int] = set()
        self._largest: list[int] = []  # a heap of the negated digests

    def add(self, text: str) -> None:
        """Count a text, unless it was counted."""
        digest = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
        if digest in self._kept:
            return
        if len(self._largest) < _SAMPLE:
            heappush(self._largest, -digest)
        elif digest < -self._largest[0]:
            self._kept.discard(-heappushpop(self._largest, -digest))
        else:
            return
        self._kept.add(digest)

    @property
    def is_exact(self) -> bool:
        """Whether the count is exact."""
        return len(self._largest) < _SAMPLE

    def __len__(self) -> int:
        return len(self._kept) if self.is_exact else round((_SAMPLE - 1) * _ALL / -self._largest[0])


@dataclass(slots=True)
class SchemaStats:
    """What there is of one schema.

    Attributes:
        sessions: How many.
        bytes: Of their values and key names.
        largest: Bytes of the largest.
        owners: How many different ones; of more than 4000 nearly.
        oldest: When the oldest began; seconds since the epoch.
        soonest: When the next one expires.
        versions: How many there are of each version.
    """

    sessions: int = 0
    bytes: int = 0
    largest: int = 0
    owners: int = 0
    oldest: float | None = None
    soonest: float | None = None
    versions: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Stats:
    """What there is in a store.

    Attributes:
        sessions: How many sessions are live, those included that live in an MCP session.
        children: How many of them do.
        bytes: Of their values and key names.
        owners: How many different owners there are; of more than 4000 nearly.
        ownerless: How many sessions have none.
        by_schema: What there is of each schema, by what its sessions are called.
        sizes: How many sessions have at most so many bytes, and more than the bound before: 64, 256, 1024, ...
        are_owners_exact: Whether owners are counted exactly.
    """

    sessions: int = 0
    children: int = 0
    bytes: int = 0
    owners: int = 0
    ownerless: int = 0
    by_schema: dict[str, SchemaStats] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    are_owners_exact: bool = True


async def statistics(store: Store, *, progress: Callable[[int], None] | None = None) -> Stats:
    """Return what there is in a store.

    Args:
        store: Where to look.
        progress: Told how many more sessions have been looked at.

    Raises:
        mcp_sessions.StoreError: If the store fails.
    """
    require_store(store, "statistics")
    stats, owners, of_schema = Stats(), Distinct(), dict[str, Distinct]()
    cursor, is_over = "", False
    while not is_over:
        page = await store.scan(limit=_PAGE, cursor=cursor)
        cursor, is_over = page.cursor, not page.cursor
        for one in page.sessions:
            _count(stats, one)
            if one.owner is not None:
                owners.add(one.owner)
                of_schema.setdefault(title_of(one.address), Distinct()).add(one.owner)
        if progress is not None:
            progress(len(page.sessions))
    stats.owners, stats.are_owners_exact = len(owners), owners.is_exact
    for schema, found in of_schema.items():
        stats.by_schema[schema].owners = len(found)
    stats.by_schema = dict(sorted(stats.by_schema.items(), key=lambda item: (-item[1].sessions, item[0])))
    stats.sizes = dict(sorted(stats.sizes.items()))
    return stats


def bound_of(size: int) -> int:
    """Return the bound of a size: the least power of four, from 64 on, that it does not exceed."""
    bound = _SMALLEST
    while bound < size:
        bound *= 4
    return bound


def _count(stats: Stats, one: Listed) -> None:
    info = one.info
    stats.sessions += 1
    stats.children += one.address.has_parent
    stats.bytes += info.size
    stats.ownerless += one.owner is None
    stats.sizes[bound_of(info.size)] = stats.sizes.get(bound_of(info.size), 0) + 1
    of = stats.by_schema.setdefault(title_of(one.address), SchemaStats())
    of.sessions += 1
    of.bytes += info.size
    of.largest = max(of.largest, info.size)
    of.oldest = info.created if of.oldest is None else min(of.oldest, info.created)
    of.soonest = info.expires if of.soonest is None else min(of.soonest, info.expires)
    of.versions[info.version] = of.versions.get(info.version, 0) + 1
