"""Arrays as the database takes them: bytes and numbers, each of which may be NULL.

psycopg finds out the type of a list by looking at what is in it; ours is known, also where all that is in it is NULL.
"""

import struct
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from psycopg.adapt import Dumper
from psycopg.pq import Format

Item = TypeVar("Item")

_NULL: Final = struct.pack("!i", -1)


class Bytes:
    """An array of type ``bytea[]``."""

    __slots__ = ("packed",)

    def __init__(self, items: Iterable[bytes | None]) -> None:
        self.packed = _packed(17, items, bytes)


class Floats:
    """An array of type ``double precision[]``."""

    __slots__ = ("packed",)

    def __init__(self, items: Iterable[float | None]) -> None:
        self.packed = _packed(701, items, struct.Struct("!d").pack)


class BytesDumper(Dumper):
    """Hands over ``Bytes``."""

    format = Format.BINARY
    oid = 1001

    def dump(self, obj: Bytes) -> bytes:
        """Return the array as the database takes it."""
        return obj.packed


class FloatsDumper(Dumper):
    """Hands over ``Floats``."""

    format = Format.BINARY
    oid = 1022

    def dump(self, obj: Floats) -> bytes:
        """Return the array as the database takes it."""
        return obj.packed


def _packed(kind: int, items: Iterable[Item | None], pack: Callable[[Item], bytes]) -> bytes:
    """Return the binary form of an array: its head, and each item after its length."""
    parts, count, has_null = [b""], 0, False
    for item in items:
        count += 1
        if item is None:
            has_null = True
            parts.append(_NULL)
        else:
            packed = pack(item)
            parts += (struct.pack("!i", len(packed)), packed)
    if not count:
        return struct.pack("!iiI", 0, 0, kind)
    parts[0] = struct.pack("!iiIii", 1, has_null, kind, count, 1)
    return b"".join(parts)
