"""How documents are named and written, so that any backend can keep them and none is taken for another.

A document is one JSON text beside the number of its format. Backends differ in which field names, numbers and control
characters they keep; a text they all keep. Names are digests: an id may have any length and any character.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from mcp_sessions.errors import StoreError

FORMAT: Final = 1

_DIGITS: Final = 40
"""Hexadecimal digits of a digest: 160 bits, as many as an id has."""


def digest(*parts: str) -> str:
    """Return what stands for texts of any length in a name or in an index."""
    return hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()[:_DIGITS]


def written(content: object) -> dict[str, Any]:
    """Return the document of some JSON content."""
    return {"format": FORMAT, "content": json.dumps(content, ensure_ascii=False, separators=(",", ":"))}


def content_of(name: str, document: Mapping[str, Any] | None) -> Any:
    """Return the content of a document; None where there is none.

    Raises:
        StoreError: If it is not one of ours, or of a format that is not known here.
    """
    if document is None:
        return None
    known, text = document.get("format"), document.get("content")
    if isinstance(known, int) and known > FORMAT:
        raise StoreError(f"{name} in the key-value store has format {known}; this version knows {FORMAT}")
    if known != FORMAT or not isinstance(text, str):
        raise not_ours(name)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise not_ours(name) from error
    if content is None:
        raise not_ours(name)
    return content


def not_ours(name: str) -> StoreError:
    """Return the error for a document that cannot be read; it is never taken for one that is not there."""
    return StoreError(f"{name} in the key-value store is not a document of mcp_sessions, or is damaged")


def text_of(value: bytes) -> str | list[str]:
    """Return how a value is written: as text if it is one, as JSON values are; else in base64."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return [base64.b64encode(value).decode("ascii")]


def value_of(written: object) -> bytes:
    """Return the value that ``text_of`` wrote.

    Raises:
        ValueError: If it is none.
    """
    if isinstance(written, str):
        return written.encode()
    if isinstance(written, list) and len(written) == 1 and isinstance(written[0], str):
        return base64.b64decode(written[0], validate=True)
    raise ValueError("no value")
