"""The keys that values are sealed with: what a user gives, and which of them opens what."""

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mcp_sessions.errors import StoreError

KEY_BYTES: Final = 32
ID_BYTES: Final = 8
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{43}=?")
_WANTED: Final = "a key is 32 random bytes, or their base64url text, as new_key() makes one"


def new_key() -> str:
    """Return a new random key, as text that fits into an environment variable or a file of secrets."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii").rstrip("=")


class KeyRing:
    """Some keys, each found by an id that is made from it: the first seals, all open.

    Raises:
        TypeError: If ``keys`` is no sequence of texts and bytes.
        ValueError: If there is none, one is no key, or two are the same. No text of an error shows any of them.
    """

    def __init__(self, keys: Sequence[str | bytes]) -> None:
        if isinstance(keys, str | bytes | bytearray) or not isinstance(keys, Sequence):
            raise TypeError(f"keys is a list of keys, of which the first seals; got {type(keys).__name__}")
        if not keys:
            raise ValueError(f"there is no key to seal with; {_WANTED}")
        given = [_bytes_of(key, number) for number, key in enumerate(keys, 1)]
        self._ciphers = {_id_of(key): AESGCM(key) for key in given}
        if len(self._ciphers) < len(given):
            raise ValueError("the same key is there twice")
        self.first, self.cipher = next(iter(self._ciphers.items()))

    def with_id(self, key_id: bytes) -> AESGCM:
        """Return the cipher of the key that has this id.

        Raises:
            StoreError: If there is none. It is not the value that is wrong but the key ring, for all of that key's.
        """
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise StoreError(
                f"a value is sealed with the key {key_id.hex()}, which is not among the keys that the store was given"
            )
        return cipher


def _bytes_of(key: object, number: int) -> bytes:
    if isinstance(key, str):
        text = key.strip()
        if not _TEXT.fullmatch(text):
            raise ValueError(f"key {number} is text that is no key; {_WANTED}")
        return base64.urlsafe_b64decode(text.rstrip("=") + "=")
    if not isinstance(key, bytes):
        raise TypeError(f"key {number} is a {type(key).__name__}; {_WANTED}")
    if len(key) != KEY_BYTES:
        raise ValueError(f"key {number} has {len(key)} bytes; {_WANTED}")
    return key


def _id_of(key: bytes) -> bytes:
    """Return a digest that tells keys apart and nothing of them: they are random, so nobody finds them by trial."""
    return hashlib.blake2b(key, digest_size=ID_BYTES, person=b"mcp_sessions key").digest()
