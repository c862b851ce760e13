"""A caller's claim to a session, as scripts take it: the keys, and the arguments that come before an operation's own.

Making it takes longer than anything else that is done for a call here, and an accessor makes the same claim again and
again: so the last claims are kept.
"""

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from mcp_sessions.stores.redis.line import Argument
from mcp_sessions.stores.redis.names import Partition, digest_name, name_of, owner_name, parent_name_of, place_of
from mcp_sessions.stores.terms import Access, Address, Clock, NotLiveError
from mcp_sessions.stores.texts import is_text

_HEAD: Final = struct.Struct(">12d")
_NONE: Final = -1.0
_KEPT: Final = 1024

Elsewhere = tuple[float, float]
"""How many sessions of the owner, and of all, other partitions have; below zero if that is not known yet."""


class Claim(NamedTuple):
    """What a script is told of a caller and a session.

    Attributes:
        keys: The partition's indexes, the session, and its parent if it has one.
        about: Numbers, the owner, the digest of the schema.
    """

    partition: Partition
    keys: tuple[Argument, ...]
    about: tuple[Argument, ...]


class Claims:
    """Makes claims.

    Args:
        partitions: Over what sessions are spread.
        clock: Seconds since the epoch; None for the server's own.
    """

    def __init__(self, partitions: Sequence[Partition], clock: Clock | None) -> None:
        self._partitions = partitions
        self._clock = clock
        self._elsewhere = (0.0, 0.0) if len(partitions) == 1 else (_NONE, _NONE)
        self._kept: dict[int, tuple[Access, Claim]] = {}

    def of(self, access: Access) -> Claim:
        """Return the claim of an access to use a session.

        Raises:
            NotLiveError: If its names can be those of no session.
        """
        known = self._kept.get(id(access))
        if known is not None and known[0] is access:
            return known[1]
        claim = self.made(access, begins=not access.address.is_parent)
        if self._clock is None and access.began is None and access.found is None:  # those are for one call alone
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[id(access)] = access, claim
        return claim

    def made(self, access: Access, *, begins: bool, elsewhere: Elsewhere | None = None) -> Claim:
        """Return the claim of an access which may begin the session, or may not; knowing what is elsewhere.

        Raises:
            NotLiveError: If its names can be those of no session.
        """
        address, limits = access.address, access.limits
        if not is_text(address.id) or not is_text(address.schema):
            raise NotLiveError("unknown")
        partition = self.partition_of(address)
        begin = access.begin if begins else None
        idle, longest = (_NONE, _NONE) if begin is None else (begin.idle, or_none(begin.max))
        mosts = (limits.value_bytes, limits.session_bytes, limits.owner_sessions, limits.all_sessions)
        counts = self._elsewhere if elsewhere is None else elsewhere
        versions = (access.version, access.reads)
        head = _HEAD.pack(self.now(), *versions, *map(or_none, mosts), *counts, access.since, idle, longest)
        above = parent_name_of(address)
        keys = (*partition.indexes, partition.base + name_of(address), *((partition.base + above,) if above else ()))
        return Claim(partition, keys, (head, owner_name(access.owner), digest_name(access.digest)))

    def head(self) -> bytes:
        """Return the numbers for those who run the server: no more than the time."""
        return _HEAD.pack(self.now(), *[_NONE] * 11)

    def now(self) -> float:
        """Return the time, unless it is the server's."""
        return _NONE if self._clock is None else self._clock()

    def partition_of(self, address: Address) -> Partition:
        """Return the partition that a session is in."""
        return self._partitions[place_of(address, len(self._partitions))]


def or_none(number: float | None) -> float:
    """Return a number as scripts take it, where nothing is below zero."""
    return _NONE if number is None else float(number)
