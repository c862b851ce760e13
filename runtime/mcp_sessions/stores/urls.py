"""What the addresses of all kinds of store have in common: how their options are read, and how they are shown."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from mcp_sessions.durations import seconds
from mcp_sessions.errors import StoreUrlError

Option: TypeAlias = Callable[[str], Any]
"""Makes the value of an option from its text; raises ``ValueError`` or ``KeyError`` if that is none."""

_WITHOUT_PASSWORDS: Final = ("sqlite:", "memory:", ":memory:")
"""How what is no URL begins where nobody would write a password."""

_FLAGS: Final = {"true": True, "false": False}


def flag(text: str) -> bool:
    """Return what "true" or "false" means."""
    return _FLAGS[text]


def duration(text: str) -> str:
    """Return the text of a duration."""
    seconds(text)
    return text


def taken(url: str, options: Mapping[str, Option], allowed: str) -> tuple[str, dict[str, Any]]:
    """Return a URL without the options that are named, and their values.

    Raises:
        StoreUrlError: If one has a value that it cannot have; it says what is ``allowed``.
    """
    base, _, query = url.partition("?")
    ours: dict[str, Any] = {}
    theirs = []
    for item in filter(None, query.split("&")):
        name, _, value = item.partition("=")
        if name not in options:
            theirs.append(item)
            continue
        try:
            ours[name] = options[name](unquote(value))
        except (ValueError, KeyError):
            raise StoreUrlError(f"{allowed}; that is no value for {name}") from None
    return f"{base}?{'&'.join(theirs)}" if theirs else base, ours


def shown(url: str) -> str:
    """Return a URL as it may be shown: without user name, password, and what stands after a ``?``."""
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        base = re.split("[?#]", url, maxsplit=1)[0]
        may_be_secret = "@" in url or (":" in base and not base.startswith(_WITHOUT_PASSWORDS))
        return repr("***" if may_be_secret else base + ("?..." if len(base) < len(url) else ""))
    base = re.split("[?#]", rest, maxsplit=1)[0]
    _, at, place = base.rpartition("@")
    if "@" in rest[len(base) :]:  # either may be within a password
        return repr(f"{scheme}://***")
    return repr(f"{scheme}://{at and '***@'}{place}{'?...' if len(base) < len(rest) else ''}")
