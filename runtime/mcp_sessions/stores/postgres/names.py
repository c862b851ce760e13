"""How a call names what it is about: sessions, owners and keys, as they are in the database."""

import hashlib
from collections.abc import Collection
from typing import Any, Final, NamedTuple, TypeAlias, cast

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.terms import Access, Address, NotLiveError, Space
from mcp_sessions.stores.texts import require_text

Family: TypeAlias = tuple[str, str]
"""Space and id of a session: what a parent and its children have in common."""

LONGEST: Final = 512
"""How many bytes of a text go into an index as they are."""


class Call(NamedTuple):
    """A function of the database, and what it is given.

    Calls of one family are performed in the order in which they were made. Those that are ``joinable`` can be one
    statement with others of the same function.
    """

    function: str
    arguments: tuple[Any, ...]
    family: Family | None = None
    joinable: bool = False


def claim(clock: float | None, access: Access) -> tuple[Any, ...]:
    """Return the arguments with which all begin: when it is, which session is meant, and who asks.

    Raises:
        NotLiveError: If no session has that id.
    """
    address = access.address
    try:
        id = short(address.id)
    except StoreError:
        raise NotLiveError("unknown") from None
    owner = None if access.owner is None else bytes_of(access.owner)
    return clock, address.space, id, short(address.schema), owner


def family_of(address: Address) -> Family:
    """Return the family that a session belongs to."""
    return address.space, address.id


def address_of(space: str, id: bytes, schema: bytes) -> Address:
    """Return an address that the database tells."""
    return Address(cast(Space, space), id.decode(), schema.decode())


def bytes_of(text: str) -> bytes:
    """Return the bytes of a text.

    Raises:
        StoreError: If it is none.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        require_text(text)
        raise


def short(text: str) -> bytes:
    """Return what stands for a text in an index: its bytes, or of a long one the first of them and a digest."""
    encoded = bytes_of(text)
    if len(encoded) <= LONGEST:
        return encoded
    return encoded[:LONGEST] + hashlib.sha256(encoded).digest()


def full(text: str) -> bytes | None:
    """Return the bytes of a text for which something else stands in the index."""
    encoded = bytes_of(text)
    return encoded if len(encoded) > LONGEST else None


def fulls(texts: Collection[str]) -> list[bytes | None] | None:
    """Return the bytes of such texts, and nothing for the others; nothing at all if there is none."""
    found = [full(text) for text in texts]
    return found if any(one is not None for one in found) else None
