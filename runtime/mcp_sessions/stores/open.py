"""Picking a store by its URL."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from mcp_sessions.durations import seconds
from mcp_sessions.errors import StoreUrlError
from mcp_sessions.stores.base import Store
from mcp_sessions.stores.memory import MemoryStore
from mcp_sessions.stores.sqlite import SYNCHRONOUS, SQLiteStore

_ALLOWED: Final = "write memory://, sqlite:///relative.db, sqlite:////absolute/path.db or redis://host:6379/0"
_LATER: Final = ("postgresql", "postgres")


def open_store(url: str, **options: Any) -> Store:
    """Open the store at a URL.

    ==============================  ======================================================================
    ``memory://``                   ``MemoryStore``: in this process, gone with it
    ``sqlite:///sessions.db``       ``SQLiteStore``: a file in the current folder
    ``sqlite:////data/sessions.db`` ``SQLiteStore``: a file by its absolute path
    ``redis://host:6379/0``         ``RedisStore``: a Redis server; ``rediss://`` for TLS, ``unix:///path/of.sock``
    ``valkey://host:6379/0``        ``RedisStore``: a Valkey server; ``valkeys://`` for TLS
    ==============================  ======================================================================

    Special characters in a path are percent-encoded. A SQLite URL takes the options ``synchronous`` (normal, full)
    and ``busy_timeout`` (a duration such as 5s): ``sqlite:///sessions.db?synchronous=full``. For
    Redis and Valkey see ``RedisStore``; they need ``pip install 'mcp-sessiongen[redis]'``.

    Args:
        url: The address.
        options: Passed on to the store, over what the URL says; see there.

    Raises:
        StoreUrlError: If there is no such store, or it cannot be opened.
    """
    if not isinstance(url, str):
        raise StoreUrlError(f"not a store URL: {url!r}; {_ALLOWED}")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise StoreUrlError(f"not a store URL: {_shown(url)}; {_ALLOWED}") from None
    if parts.scheme in _LATER:
        raise StoreUrlError(f"{parts.scheme}:// stores are not available in this version; {_ALLOWED}")
    opener = _OPENERS.get(parts.scheme)
    if opener is None or "://" not in url:
        raise StoreUrlError(f"not a store URL: {_shown(url)}; {_ALLOWED}")
    return opener(url, parts, options)


def _open_memory(url: str, parts: SplitResult, options: dict[str, Any]) -> Store:
    if parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
        raise StoreUrlError(f"memory:// takes no address and no options, got {_shown(url)}")
    return MemoryStore(**options)


def _open_sqlite(url: str, parts: SplitResult, options: dict[str, Any]) -> Store:
    if parts.netloc:
        raise StoreUrlError(f"a SQLite file is on this machine: write three slashes before its path; got {_shown(url)}")
    if parts.fragment or url.endswith("#"):
        raise StoreUrlError(f"write %23 for a # in the path, got {_shown(url)}")
    path = unquote(parts.path).removeprefix("/")
    if not path or "\0" in path:
        raise StoreUrlError(f"no file is named in {_shown(url)}; write sqlite:///relative.db or sqlite:////absolute.db")
    if path == ":memory:":
        raise StoreUrlError("for sessions in memory write memory://")
    return SQLiteStore(path, **(_options(parts.query) | options))


def _open_redis(url: str, parts: SplitResult, options: dict[str, Any]) -> Store:
    if find_spec("redis") is None:
        raise _missing(parts.scheme, "redis")
    from mcp_sessions.stores.redis import RedisStore

    return RedisStore(url, **options)


def _missing(scheme: str, extra: str) -> StoreUrlError:
    return StoreUrlError(f"{scheme}:// needs a package that is not installed: pip install 'mcp-sessiongen[{extra}]'")


def _options(query: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "synchronous" and value.upper() in SYNCHRONOUS:
            found[name] = value.upper()
        elif name == "busy_timeout" and _is_duration(value):
            found[name] = value
        else:
            raise StoreUrlError(f"a SQLite URL takes synchronous=normal or full and busy_timeout=5s, got {name}")
    return found


def _is_duration(text: str) -> bool:
    try:
        return seconds(text) > 0
    except ValueError:
        return False


def _shown(url: str) -> str:
    """Return a URL as it may be shown: without user name, password, and what stands after a ``?``."""
    scheme, slashes, rest = url.partition("://")
    _, at, address = (rest if slashes else url).rpartition("@")
    place, question, _ = address.partition("?")
    return repr(f"{scheme if slashes else ''}{slashes}{at and '***@'}{place}{question and '?...'}")


_OPENERS: Final[dict[str, Callable[[str, SplitResult, dict[str, Any]], Store]]] = {
    "memory": _open_memory,
    "sqlite": _open_sqlite,
    **dict.fromkeys(("redis", "rediss", "valkey", "valkeys", "unix"), _open_redis),
}
