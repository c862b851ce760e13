"""The addresses of SQLite files: ``sqlite:///relative.db`` and ``sqlite:////absolute/path.db``."""

from typing import Any, Final
from urllib.parse import unquote, urlsplit

from mcp_sessions.errors import StoreUrlError
from mcp_sessions.stores.sqlite.store import SYNCHRONOUS, SQLiteStore
from mcp_sessions.stores.urls import Option, duration, shown, taken


def _synchronous(text: str) -> str:
    if text.upper() not in SYNCHRONOUS:
        raise ValueError(text)
    return text.upper()


_OPTIONS: Final[dict[str, Option]] = {"synchronous": _synchronous, "busy_timeout": duration}

_ALLOWED: Final = "a SQLite URL takes synchronous=normal or full and busy_timeout=5s"


def open_url(url: str, **options: Any) -> SQLiteStore:
    """Open the file that a URL names.

    Raises:
        StoreUrlError: If it names none, or the file cannot be opened.
    """
    parts = urlsplit(url)
    if parts.netloc:
        raise StoreUrlError(f"a SQLite file is on this machine: write three slashes before its path; got {shown(url)}")
    if parts.fragment or url.endswith("#"):
        raise StoreUrlError(f"write %23 for a # in the path, got {shown(url)}")
    path = unquote(parts.path).removeprefix("/")
    if not path or "\0" in path:
        raise StoreUrlError(f"no file is named in {shown(url)}; write sqlite:///relative.db or sqlite:////absolute.db")
    if path == ":memory:":
        raise StoreUrlError("for sessions in memory write memory://")
    rest, ours = taken(url, _OPTIONS, _ALLOWED)
    if unknown := urlsplit(rest).query:
        raise StoreUrlError(f"{_ALLOWED}, got {unknown.partition('=')[0]}")
    return SQLiteStore(path, **(ours | options))
