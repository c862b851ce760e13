"""How sessions and what is kept of them are named in Redis; ``lua/session.lua`` says what is where.

Sessions are spread over a fixed number of partitions, by their space and id, so a parent and its children are in the
same one. All keys of a partition have one hash tag: a cluster keeps them in one slot, where one script can use them.
"""

import re
from base64 import b32decode, b32encode
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from mcp_sessions.stores.cursors import not_a_cursor
from mcp_sessions.stores.terms import Address, Space
from mcp_sessions.stores.texts import is_text

_LETTERS: Final[dict[Space, bytes]] = {"handle": b"h", "transport": b"t", "connection": b"c", "user": b"u"}
_MINTED: Final = re.compile(rb"[a-z0-9_]{1,64}_[a-z2-7]{32}")
_RANDOM: Final = 33
"""How much longer a handle is than the name of its schema: "_", and 160 bits as 32 characters."""
_SHIFT: Final = 32
"""What is added to the length of a schema's name to make a printable character of it."""

_HEX: Final = re.compile("[0-9a-f]{16}")
_HEX_BYTES: Final = 8
_OWNER: Final = re.compile("[0-9a-f]{64}")
_SPACES: Final[dict[bytes, Space]] = {letter: space for space, letter in _LETTERS.items()}


@dataclass(frozen=True, slots=True)
class Partition:
    """The keys of one partition.

    Attributes:
        base: What the key of each of its sessions begins with.
        indexes: The keys of its indexes: due, names, counts, timers.
    """

    number: int
    base: bytes
    indexes: tuple[bytes, ...]


def partitions_of(prefix: str, number: int) -> tuple[Partition, ...]:
    """Return all partitions below a prefix."""
    made = []
    for index in range(number):
        base = f"{prefix}:{{{index}.{number}}}:".encode()
        made.append(Partition(index, base, tuple(base + key for key in (b"due", b"names", b"counts", b"timers"))))
    return tuple(made)


def place_of(address: Address, number: int) -> int:
    """Return in which of so many partitions a session is."""
    return crc32(_LETTERS[address.space] + address.id.encode()) % number


def name_of(address: Address) -> bytes:
    """Return the name of a session within its partition."""
    schema, id = address.schema.encode(), address.id.encode()
    if address.space == "handle" and id[:-_RANDOM] == schema and _MINTED.fullmatch(id):
        return b"H%c%b%b" % (_SHIFT + len(schema), schema, b32decode(id[1 - _RANDOM :], casefold=True))
    return b"%b%d:%d:%b%b" % (_LETTERS[address.space], len(schema), len(id), schema, id)


def address_of(name: bytes) -> Address:
    """Return the address that a name stands for."""
    if name.startswith(b"H"):
        schema, random = name[2 : name[1] - _SHIFT + 2].decode(), b32encode(name[name[1] - _SHIFT + 2 :])
        return Address("handle", f"{schema}_{random.decode().lower()}", schema)
    head, id_length, rest = name.split(b":", 2)
    length = int(head[1:])
    return Address(_SPACES[head[:1]], rest[length : length + int(id_length)].decode(), rest[:length].decode())


def address_named(space: str, id: str, schema: str) -> Address:
    """Return the address that a cursor names.

    Raises:
        StoreError: If it can be none.
    """
    for known in _LETTERS:
        if known == space and is_text(id) and is_text(schema):
            return Address(known, id, schema)
    raise not_a_cursor()


def parent_name_of(address: Address) -> bytes:
    """Return the name of a session's parent; nothing if it has none."""
    return name_of(address.parent) if address.has_parent else b""


def owner_name(owner: str | None) -> bytes:
    """Return an owner as it is kept: a hash by its bytes."""
    if owner is None:
        return b""
    if _OWNER.fullmatch(owner):
        return b"!" + bytes.fromhex(owner)
    return b"+" + owner.encode("utf-8", "surrogatepass")


def owner_of(name: bytes) -> str | None:
    """Return the owner that is kept as this."""
    if not name:
        return None
    return name[1:].hex() if name.startswith(b"!") else name[1:].decode("utf-8", "surrogatepass")


def digest_name(digest: str) -> bytes:
    """Return a digest as it is kept: one of 16 hexadecimal digits as eight bytes, and nothing else as so many."""
    if _HEX.fullmatch(digest):
        return bytes.fromhex(digest)
    text = digest.encode("utf-8", "surrogatepass")
    return text + b"\xff" if len(text) == _HEX_BYTES else text  # no text has that byte


def digest_of(name: bytes) -> str:
    """Return the digest that is kept as this."""
    if len(name) == _HEX_BYTES:
        return name.hex()
    return name.removesuffix(b"\xff").decode("utf-8", "surrogatepass")
