"""The addresses of PostgreSQL stores: URLs of libpq's, with options of the store's besides."""

from typing import Any, Final

from mcp_sessions.stores.postgres.store import PostgresStore
from mcp_sessions.stores.urls import Option, duration, flag, taken

OPTIONS: Final[dict[str, Option]] = {
    "schema": str,
    "create": flag,
    "prepare": flag,
    "connections": int,
    "timeout": duration,
}

_ALLOWED: Final = "a PostgreSQL URL takes schema=name, create and prepare=true or false, connections=8 and timeout=10s"


def open_url(url: str, **options: Any) -> PostgresStore:
    """Return the store in the database that a URL names.

    Raises:
        StoreUrlError: If it cannot be one.
    """
    rest, ours = taken(url, OPTIONS, _ALLOWED)
    return PostgresStore(rest, **(ours | options))
