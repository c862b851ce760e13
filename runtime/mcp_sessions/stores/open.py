"""Picking a store by its URL."""

import os
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from mcp_sessions.errors import StoreUrlError
from mcp_sessions.stores.base import Store
from mcp_sessions.stores.memory import MemoryStore
from mcp_sessions.stores.urls import shown

Opener: TypeAlias = Callable[..., Store]
"""What opens the stores of one scheme: it is called with the URL and ``open_store``'s options."""

VARIABLE: Final = "MCP_SESSIONS_STORE"
"""The environment variable that has the URL where a program names none."""

GROUP: Final = "mcp_sessions.stores"
"""The entry points by which other packages bring stores of their own: named as its URLs' scheme, in lower case."""

_ALLOWED: Final = (
    "write memory://, sqlite:///relative.db, sqlite:////absolute/path.db, redis://host:6379/0 or "
    "postgresql://user@host/database"
)


def open_store(url: str | None = None, **options: Any) -> Store:
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

    Other packages can bring stores: a scheme that is not among these is looked for among the entry points of the group
    ``mcp_sessions.stores``. What an entry point names is called with the URL and the options, and returns a ``Store``.

    Args:
        url: The address; None for the one in the environment variable ``MCP_SESSIONS_STORE``.
        options: Passed on to the store, over what the URL says; see there.

    Raises:
        StoreUrlError: If there is no such store, or it cannot be opened.
    """
    where = ""
    if url is None:
        url, where = os.environ.get(VARIABLE), f" (from {VARIABLE})"
        if not url:
            raise StoreUrlError(f"no store URL was given, and {VARIABLE} is not set; {_ALLOWED}")
    if not isinstance(url, str):
        raise StoreUrlError(f"not a store URL: {url!r}; {_ALLOWED}")
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    opener = (_opener(scheme) or _foreign_opener(scheme)) if "://" in url else None
    if opener is None:
        raise StoreUrlError(f"not a store URL: {shown(url)}{where}; {_ALLOWED}")
    made = opener(url, **options)
    if not hasattr(made, "read"):
        raise StoreUrlError(f"the store for {scheme}:// is none: its entry point returned {type(made).__name__}")
    return made


def _open_memory(url: str, **options: Any) -> Store:
    if url.partition("://")[2]:
        raise StoreUrlError(f"memory:// takes no address and no options, got {shown(url)}")
    return MemoryStore(**options)


def _opener(scheme: str) -> Opener | None:
    if scheme == "memory":
        return _open_memory
    module, opener = _OPENERS.get(scheme, ("", ""))
    if not module:
        return None
    try:
        found: Opener = getattr(import_module(f"mcp_sessions.stores.{module}"), opener)
    except ImportError as error:
        if (error.name or "").startswith("mcp_sessions"):
            raise
        raise StoreUrlError(str(error)) from error
    return found


def _foreign_opener(scheme: str) -> Opener | None:
    """Return what another package has for a scheme.

    Raises:
        StoreUrlError: If it cannot be loaded, or several have something.
    """
    found = list(entry_points(group=GROUP, name=scheme)) if scheme else []
    if not found:
        return None
    if len({entry.value for entry in found}) > 1:
        names = " and ".join(sorted(entry.value for entry in found))
        raise StoreUrlError(f"two packages have stores for {scheme}://: {names}; uninstall one of them")
    try:
        opener: Opener = found[0].load()
    except Exception as error:
        raise StoreUrlError(
            f"the store for {scheme}://, {found[0].value}, cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    if not callable(opener):
        raise StoreUrlError(f"the store for {scheme}://, {found[0].value}, is nothing that can be called")
    return opener


_OPENERS: Final[dict[str, tuple[str, str]]] = {
    "sqlite": ("sqlite.address", "open_url"),
    **dict.fromkeys(("redis", "rediss", "valkey", "valkeys", "unix"), ("redis", "RedisStore")),
    **dict.fromkeys(("postgresql", "postgres"), ("postgres.address", "open_url")),
}
"""For each scheme, the module, and what opens stores in it."""
