"""The index: which sessions there are, whose they are, and when purging has to look at each.

It is in a fixed number of documents, so that no one of them holds everything, and one more has how many sessions are
live in each. The sessions of one owner are in one of them. The index may promise too much, but never too little: an
entry is there before its session is and until after it, counts as long as the session may, and is due no later.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from mcp_sessions.stores.keyvalue.documents import content_of, digest, not_ours, written

SHARDS: Final = 32
"""How many documents the index has. Part of the format: where an entry is depends on it."""

COUNTS: Final = "index"


class Entry(NamedTuple):
    """What the index knows of a session, its children included.

    Attributes:
        owner: A digest of the owner.
        due: Not later than something of it is due.
        live: Whether it counts as a session.
    """

    owner: str | None
    due: float
    live: bool


def shard_of(name: str, owner: str | None) -> int:
    """Return where the entry of a document is, by a digest of the owner; of those without an owner, by its name."""
    return int((owner or name.rpartition("-")[2])[:8], 16) % SHARDS


def shard_of_owner(owner: str) -> int:
    """Return where the entries of all sessions of an owner are."""
    return shard_of("", digest(owner))


def document_of(shard: int) -> str:
    """Return the name of a document of the index."""
    return f"index-{shard:02}"


class Index:
    """The documents of the index that were loaded, and what became of them."""

    def __init__(self) -> None:
        self._shards: dict[int, dict[str, Entry]] = {}
        self._changed: set[int] = set()
        self._counts: list[int] | None = None
        self._counted: list[int] | None = None

    def lacks(self, shards: Iterable[int], *, counts: bool = True) -> list[str]:
        """Return the names of the documents that are yet to be loaded."""
        lacking = [document_of(shard) for shard in sorted(set(shards) - self._shards.keys())]
        return [COUNTS, *lacking] if counts and self._counts is None else lacking

    def load(self, documents: Mapping[str, Mapping[str, Any] | None]) -> None:
        """Take documents as they are kept.

        Raises:
            StoreError: If one cannot be read.
        """
        for name, document in documents.items():
            content = content_of(name, document)
            try:
                if name == COUNTS:
                    self._counted = [0] * SHARDS if content is None else _counts(content)
                    self._counts = list(self._counted)
                else:
                    self._shards[int(name.rpartition("-")[2])] = _entries(content)
            except (ValueError, TypeError, AttributeError) as error:
                raise not_ours(name) from error

    def count(self) -> int:
        """Return how many sessions count."""
        return sum(self._counts or ())

    def count_of(self, owner: str) -> int:
        """Return how many of an owner's count."""
        wanted = digest(owner)
        return sum(entry.live and entry.owner == wanted for entry in self._shards[shard_of_owner(owner)].values())

    def live(self, shards: Iterable[int], owner: str | None) -> list[str]:
        """Return the names of the documents that may have live sessions of an owner (None: of all), sorted."""
        wanted = None if owner is None else digest(owner)
        entries = (item for shard in shards for item in self._shards[shard].items())
        return sorted({name for name, entry in entries if entry.live and wanted in (None, entry.owner)})

    def due(self, now: float, limit: int) -> dict[str, Entry]:
        """Return up to ``limit`` entries that are due, those first that have been so for longest."""
        entries = (item for shard in self._shards.values() for item in shard.items())
        due = sorted((entry.due, name, entry) for name, entry in entries if entry.due <= now)
        return {name: entry for _, name, entry in due[:limit]}

    def settle(self, name: str, entry: Entry) -> None:
        """Put an entry in place of the one that may be there."""
        shard = shard_of(name, entry.owner)
        if self._shards[shard].get(name) != entry:
            self._shards[shard][name] = entry
            self._changed.add(shard)

    def strike(self, name: str, owner: str | None) -> None:
        """Remove an entry, if it is there."""
        shard = shard_of(name, owner)
        if self._shards[shard].pop(name, None) is not None:
            self._changed.add(shard)

    def take_changes(self) -> dict[str, dict[str, Any]]:
        """Return the documents that are to be written, and take them for written.

        Where entries are loaded, sessions are counted anew: another process, or one that died, may have miscounted.
        """
        changes = {document_of(shard): written(self._shards[shard]) for shard in sorted(self._changed)}
        self._changed.clear()
        if self._counts is not None:
            for shard, entries in self._shards.items():
                self._counts[shard] = sum(entry.live for entry in entries.values())
            if self._counts != self._counted:
                changes[COUNTS] = written(self._counts)
                self._counted = list(self._counts)
        return changes


def _entries(content: Any) -> dict[str, Entry]:
    return {name: _entry(*parts) for name, parts in content.items()} if content is not None else {}


def _entry(owner: object, due: object, live: object) -> Entry:
    if isinstance(owner, str | None) and isinstance(due, int | float) and isinstance(live, bool):
        return Entry(owner, due, live)
    raise TypeError("no entry")


def _counts(content: Any) -> list[int]:
    if not (isinstance(content, list) and len(content) == SHARDS and all(type(count) is int for count in content)):
        raise TypeError("no counts")
    return content
