"""Picking a store by its URL."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, TypeAlias
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from mcp_sessions.durations import seconds
from mcp_sessions.errors import StoreUrlError
from mcp_sessions.stores.base import Store
from mcp_sessions.stores.memory import MemoryStore
from mcp_sessions.stores.sqlite import SYNCHRONOUS, SQLiteStore

_Opener: TypeAlias = Callable[[str, SplitResult, dict[str, Any]], Store]

_ALLOWED: Final = (
    "write memory://, sqlite:///relative.db, sqlite:////absolute/path.db, redis://host:6379/0 or "
    "postgresql://user@host/database"
)


def open_store(url: str, **options: Any) -> Store:
    """Open the store at a URL.

    ==============================  ======================================================================
    ``memory://``                   ``MemoryStore``: in this process, gone with it
    ``sqlite:///sessions.db``       ``SQLiteStore``: a file in the current folder
    ``sqlite:////data/sessions.db`` ``SQLiteStore``: a file by its absolute path
    ``redis://host:6379/0``         ``RedisStore``: a Redis server; ``rediss://`` for TLS, ``unix:///path/of.sock``
    ``valkey://host:6379/0``        ``RedisStore``: a Valkey server; ``valkeys://`` for TLS
    ``postgresql://me@host/db``     ``PostgresStore``: a schema of a PostgreSQL database; needs the extra ``postgres``
    ==============================  ======================================================================

    Special characters in a path are percent-encoded. A SQLite URL takes the options ``synchronous`` (normal, full)
    and ``busy_timeout`` (a duration such as 5s): ``sqlite:///sessions.db?synchronous=full``. For Redis and Valkey,
    which need the extra ``redis``, see ``RedisStore``. A PostgreSQL URL is one of libpq's, and besides its options
    takes ``schema``, ``create`` and ``prepare`` (true, false), ``connections`` (a number) and ``timeout`` (a duration).

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
    return SQLiteStore(path, **(_sqlite_options(parts.query) | options))


def _open_redis(url: str, parts: SplitResult, options: dict[str, Any]) -> Store:
    store: Store = _extra("redis", "Redis and Valkey").RedisStore(url, **options)
    return store


def _open_postgres(url: str, parts: SplitResult, options: dict[str, Any]) -> Store:
    postgres = _extra("postgres", "PostgreSQL")
    base, _, query = url.partition("?")
    ours: dict[str, Any] = {}
    theirs = []
    for item in filter(None, query.split("&")):
        name, _, value = item.partition("=")
        if name in _POSTGRES_OPTIONS:
            ours[name] = _postgres_option(name, unquote(value))
        else:
            theirs.append(item)
    store: Store = postgres.PostgresStore(f"{base}?{'&'.join(theirs)}" if theirs else base, **(ours | options))
    return store


def _postgres_option(name: str, value: str) -> Any:
    try:
        return _POSTGRES_OPTIONS[name](value)
    except (ValueError, KeyError):
        raise StoreUrlError(
            f"a PostgreSQL URL takes schema=name, create and prepare=true or false, connections=8 and timeout=10s; "
            f"that is no value for {name}"
        ) from None


def _extra(name: str, what: str) -> Any:
    """Import the module of a store whose libraries not everybody has.

    Raises:
        StoreUrlError: If they are not there.
    """
    try:
        return import_module(f"mcp_sessions.stores.{name}")
    except ImportError as error:
        if (error.name or "").startswith("mcp_sessions"):
            raise
        raise StoreUrlError(f"{what} stores need more packages: pip install 'mcp-sessiongen[{name}]'") from error


def _sqlite_options(query: str) -> dict[str, Any]:
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
        return bool(_duration(text))
    except ValueError:
        return False


def _duration(text: str) -> str:
    seconds(text)
    return text


def _shown(url: str) -> str:
    """Return a URL as it may be shown: without user name, password, and what stands after a ``?``."""
    scheme, slashes, rest = url.partition("://")
    _, at, address = (rest if slashes else url).rpartition("@")
    place, question, _ = address.partition("?")
    return repr(f"{scheme if slashes else ''}{slashes}{at and '***@'}{place}{question and '?...'}")


_FLAGS: Final = {"true": True, "false": False}

_POSTGRES_OPTIONS: Final[dict[str, Callable[[str], Any]]] = {
    "schema": str,
    "create": _FLAGS.__getitem__,
    "prepare": _FLAGS.__getitem__,
    "connections": int,
    "timeout": _duration,
}

_OPENERS: Final[dict[str, _Opener]] = {
    "memory": _open_memory,
    "sqlite": _open_sqlite,
    **dict.fromkeys(("redis", "rediss", "valkey", "valkeys", "unix"), _open_redis),
    "postgresql": _open_postgres,
    "postgres": _open_postgres,
}
