"""Minting and recognising session ids.

Handles are ``<session name>_<32 characters>``, transport sessions ``mcps-<32 characters>``: 160 bits from
``secrets``, in lower-case base32, which a model copies without mistakes and no JSON parser takes for a number.
"""

import base64
import re
import secrets
from typing import Final

TRANSPORT_PREFIX: Final = "mcps-"
_RANDOM_BYTES: Final = 20
_RANDOM_TEXT: Final = "[a-z2-7]{32}"
_RANDOM: Final = re.compile(_RANDOM_TEXT)
_TRANSPORT: Final = re.compile(TRANSPORT_PREFIX + _RANDOM_TEXT)


def mint_handle(name: str) -> str:
    """Return a new handle for a session of the schema ``name``."""
    return f"{name}_{_random_text()}"


def mint_transport_id() -> str:
    """Return a new value for ``Mcp-Session-Id``."""
    return TRANSPORT_PREFIX + _random_text()


def is_handle(text: str, name: str) -> bool:
    """Tell whether ``text`` looks like a handle that we minted for ``name``; whether it is live, the store knows."""
    prefix, _, rest = text.rpartition("_")
    return prefix == name and _RANDOM.fullmatch(rest) is not None


def is_transport_id(text: str) -> bool:
    """Tell whether ``text`` looks like a transport session id that we minted."""
    return _TRANSPORT.fullmatch(text) is not None


def masked(session_id: str) -> str:
    """Return as much of an id as may stand in a log: enough to tell two apart, too little to use."""
    minted = re.fullmatch(f"([a-z0-9_]+_|{TRANSPORT_PREFIX}){_RANDOM_TEXT}", session_id)
    prefix = minted.group(1) if minted else ""
    return f"{prefix}{session_id[len(prefix) : len(prefix) + 4]}..."


def _random_text() -> str:
    return base64.b32encode(secrets.token_bytes(_RANDOM_BYTES)).decode("ascii").lower()
