"""Where the sessions of a test are kept: a place of its own for each test, of which nothing is left behind.

Whatever a URL names is never touched: a test has a file in its own folder, a prefix or a schema that no other has.
"""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from mcp_sessions.errors import StoreError, StoreUrlError
from mcp_sessions.stores.base import Clock, Store
from mcp_sessions.stores.open import open_store
from mcp_sessions.stores.urls import shown

Place: TypeAlias = tuple[str, dict[str, Any], Callable[[], None]]
"""The URL and the options that one test's store is opened with, and what removes all that it leaves."""


@contextmanager
def opened(url: str, clock: Clock, folder: Callable[[], Path]) -> Iterator[Store]:
    """Open a store for one test, and remove what it left; fail the test where that cannot be.

    Args:
        url: Where it is to be.
        clock: What its sessions expire by.
        folder: Gives a folder of the test's own.
    """
    try:
        address, options, remove = _place_of(url)(url, folder)
        store = open_store(address, clock=clock, **options)
    except StoreUrlError as error:
        pytest.fail(f"session_store: {error}", pytrace=False)
    try:
        yield store
    finally:
        _finish(store)
        try:
            remove()
        except StoreError as error:
            pytest.fail(f"session_store: {error}", pytrace=False)


def require_place(url: str) -> None:
    """Refuse a URL where no place can be made for a test.

    Raises:
        pytest.UsageError: If it is one; it says what can be written.
    """
    try:
        _place_of(url)
    except StoreUrlError as error:
        raise pytest.UsageError(f"--session-store: {error}") from None


def _place_of(url: str) -> Callable[[str, Callable[[], Path]], Place]:
    scheme = urlsplit(url).scheme if "://" in url else ""
    place = _PLACES.get(scheme)
    if place is None:
        raise StoreUrlError(
            f"no place for tests can be made at {shown(url)}; write memory://, sqlite:///s.db, redis://, valkey:// or "
            f"postgresql://, or open any other store in a fixture of your own that is called session_store"
        )
    return place


def _in_memory(url: str, folder: Callable[[], Path]) -> Place:
    return url, {}, lambda: None


def _in_a_file(url: str, folder: Callable[[], Path]) -> Place:
    parts = urlsplit(url)
    path = folder() / (Path(unquote(parts.path)).name or "sessions.db")
    options = f"?{parts.query}" if parts.query else ""
    return f"sqlite:///{quote(str(path))}{options}", {}, lambda: None  # pytest removes the folder


def _in_redis(url: str, folder: Callable[[], Path]) -> Place:
    given = parse_qs(urlsplit(url).query).get("prefix", ["mcp-sessions-test"])[-1]
    prefix = f"{given}-{token_hex(8)}"
    return url, {"prefix": prefix}, partial(_forget_keys, url, prefix)


def _in_postgres(url: str, folder: Callable[[], Path]) -> Place:
    given = parse_qs(urlsplit(url).query).get("schema", ["mcp_sessions_test"])[-1]
    schema = f"{given[:40]}_{token_hex(8)}"  # a name has up to 63 bytes
    return url, {"schema": schema}, partial(_forget_schema, url, schema)


_PLACES: Final[dict[str, Callable[[str, Callable[[], Path]], Place]]] = {
    "memory": _in_memory,
    "sqlite": _in_a_file,
    **dict.fromkeys(("redis", "rediss", "valkey", "valkeys", "unix"), _in_redis),
    **dict.fromkeys(("postgresql", "postgres"), _in_postgres),
}


def _forget_keys(url: str, prefix: str) -> None:
    """Remove all keys under a prefix, in each node of a cluster."""
    from redis import Redis, RedisCluster
    from redis.exceptions import RedisError

    from mcp_sessions.stores.redis.clients import take_options

    address, options = take_options(re.sub("^valkey", "redis", url), ("cluster", "prefix", "partitions"))
    is_cluster = options.get("cluster", "").lower() in ("true", "yes", "1")
    kind: Any = RedisCluster if is_cluster else Redis
    pattern = re.sub(r"([\\*?\[\]])", r"\\\1", prefix) + ":*"
    try:
        client = kind.from_url(address)
        try:
            for name in list(client.scan_iter(match=pattern, count=1000)):
                client.unlink(name)
        finally:
            client.close()
    except RedisError as error:
        raise StoreError(_left(url, error)) from None


def _forget_schema(url: str, schema: str) -> None:
    """Remove a schema, if the store has made it."""
    import psycopg
    from psycopg import sql

    try:
        with psycopg.connect(_libpq(url), autocommit=True) as connection:
            connection.execute("SET client_min_messages = warning")
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
    except psycopg.Error as error:
        raise StoreError(_left(url, error)) from None


def _libpq(url: str) -> str:
    """Return the URL without the options that are the store's own."""
    from mcp_sessions.stores.postgres.address import OPTIONS
    from mcp_sessions.stores.urls import taken

    return taken(url, OPTIONS, "")[0]


def _left(url: str, error: Exception) -> str:
    return f"what the test left at {shown(url)} could not be removed ({type(error).__name__}); is the server there?"


def _finish(store: Store) -> None:
    """Close a store from wherever fixtures end: within a loop, between two loops of a plugin, or without any."""
    failed: list[BaseException] = []

    def close() -> None:
        try:
            asyncio.run(store.aclose())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=close)
    thread.start()
    thread.join()
    for error in failed:
        raise error
