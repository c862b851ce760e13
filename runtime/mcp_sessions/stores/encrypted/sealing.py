"""A value as it is kept: sealed with AES-256-GCM, and bound to where it belongs.

=========== ================================================================================================
0xFA 0x01   what tells it from any JSON text: no UTF-8 has the first byte; the second is this form's number
8 bytes     the id of the key
12 bytes    the nonce, random for each sealing
the rest    the ciphertext, as long as the value, and the tag of 16 bytes
=========== ================================================================================================
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag

from mcp_sessions.errors import SessionDataError, StoreError
from mcp_sessions.stores.encrypted.keyring import ID_BYTES, KeyRing
from mcp_sessions.stores.terms import SEALED, Address

UNREADABLE: Final = SEALED
"""Stands for a value that does not open, where an error would lose others: it is set, and is no JSON of any type."""

_MARK: Final = SEALED
_FORM: Final = b"\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_NONCE_AT: Final = len(_MARK + _FORM) + ID_BYTES
_TEXT_AT: Final = _NONCE_AT + _NONCE_BYTES

OVERHEAD: Final = _TEXT_AT + _TAG_BYTES
"""How many bytes longer a sealed value is than the value."""


class Seals:
    """Seals values for one place, a key of a session, and opens them there and nowhere else.

    A nonce is 96 random bits, so a key should be replaced before it has sealed 2**32 values: until then, the odds that
    any two had the same nonce are below one in 2**32, and at a hundred writes a second that is more than a year.

    Args:
        keys: What to seal and open with.
        reads_plaintext: Whether a value that is not sealed is taken as it is.
    """

    def __init__(self, keys: Sequence[str | bytes], *, reads_plaintext: bool) -> None:
        self._ring = KeyRing(keys)
        self._reads_plaintext = reads_plaintext
        self._head = _MARK + _FORM + self._ring.first

    def sealed(self, address: Address, key: str, value: bytes) -> bytes:
        """Return a value as it is kept."""
        nonce = os.urandom(_NONCE_BYTES)
        return b"".join((self._head, nonce, self._ring.cipher.encrypt(nonce, value, _place(self._head, address, key))))

    def opened(self, address: Address, key: str, kept: bytes) -> bytes:
        """Return the value that is kept.

        Raises:
            SessionDataError: If it was changed, belongs elsewhere, or is not sealed and must be.
            StoreError: If the key that it was sealed with is not there.
        """
        if not kept.startswith(_MARK):
            if self._reads_plaintext:
                return kept
            raise SessionDataError(
                f"what the store holds for {key!r} is not encrypted; if it was written before encryption was switched "
                f"on, the server can read it with plaintext='read'"
            )
        head, nonce = kept[:_NONCE_AT], kept[_NONCE_AT:_TEXT_AT]
        if head[1:2] != _FORM or len(kept) < OVERHEAD:
            raise _corrupt(key)
        cipher = self._ring.with_id(head[2:])
        try:
            return cipher.decrypt(nonce, kept[_TEXT_AT:], _place(head, address, key))
        except InvalidTag:
            raise _corrupt(key) from None

    def all_opened(self, address: Address, kept: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the values that are kept; see ``opened``."""
        return {key: self.opened(address, key, value) for key, value in kept.items()}

    def last_seen(self, address: Address, key: str, kept: bytes) -> bytes:
        """Return the value of something that is gone from the store already, or what stands for one if it is none."""
        try:
            return self.opened(address, key, kept)
        except (SessionDataError, StoreError):
            return UNREADABLE


def _place(head: bytes, address: Address, key: str) -> bytes:
    """Return where a value belongs, as the data that is authenticated with it."""
    return head + json.dumps((address.space, address.id, address.schema, key)).encode("ascii")


def _corrupt(key: str) -> SessionDataError:
    return SessionDataError(
        f"what the store holds for {key!r} does not open: it was changed, or put there from another key or session"
    )
