"""Clients of Redis and Valkey: made from URLs, or given."""

import random
from collections.abc import Callable
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit

from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import RedisError

from mcp_sessions.errors import StoreUrlError
from mcp_sessions.stores.redis.cluster import ClusterLine
from mcp_sessions.stores.redis.line import Line
from mcp_sessions.stores.redis.pool_line import Pool, PoolLine

Client: TypeAlias = Redis | RedisCluster

_SCHEMES: Final = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss", "unix": "unix"}
_DEFAULTS: Final[dict[str, Any]] = {"socket_timeout": 5.0, "socket_connect_timeout": 2.0, "protocol": 2}
"""In protocol 3, redis-py does not look whether a connection was closed while nobody used it."""
_TRIES: Final = 3
"""How often connecting is tried again."""


def take_options(url: str, names: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Return a URL without some options, and these."""
    address, _, query = url.partition("?")
    given = parse_qsl(query, keep_blank_values=True)
    rest = urlencode([(name, value) for name, value in given if name not in names])
    return f"{address}?{rest}" if rest else address, {name: value for name, value in given if name in names}


class Server:
    """A server or a cluster that lines can be opened to.

    Args:
        url: Where it is; ``redis``, ``rediss``, ``valkey``, ``valkeys`` or ``unix``.
        is_cluster: Whether it is a cluster.
        options: For the client, over what the URL says.

    Raises:
        StoreUrlError: If that is no address, or the client does not know an option.
    """

    def __init__(self, url: str, *, is_cluster: bool, options: dict[str, Any]) -> None:
        scheme, _, rest = url.partition("://")
        if "#" in url:
            raise StoreUrlError(f"not the address of a Redis or Valkey server ({scheme}://...): write %23 for a #")
        known = _SCHEMES.get(scheme.lower())
        if known is None or not _has_address(url):
            raise StoreUrlError(
                f"not the address of a Redis or Valkey server ({scheme}://...); "
                "write redis://host:6379/0, rediss:// for TLS, or unix:///path/of.sock"
            )
        self._url, _ = take_options(f"{known}://{rest}", tuple(options))
        self._options = _DEFAULTS | options
        self.is_cluster = is_cluster
        parts = urlsplit(self._url)
        self.place = f"{scheme.lower()}://{parts.netloc.rpartition('@')[2] or parts.path}"
        try:
            if is_cluster:
                self._cluster()
            else:
                pool: Pool = self._pool()
                pool.make_connection()
        except (TypeError, ValueError, RedisError) as error:
            raise StoreUrlError(
                f"the client does not take the options of {self.place}: {' '.join(str(error).split())}"
            ) from None

    def line(self, closed: Callable[[], None]) -> Line:
        """Open a line for the current event loop."""
        if self.is_cluster:
            return ClusterLine(self._cluster(), self.place, closed, owned=True)
        return PoolLine(self._pool(), self.place, closed, owned=True)

    async def pool_to_listen(self) -> tuple[ConnectionPool, bool]:
        """Return where to take a connection for messages from, and whether it is to be closed afterwards."""
        if not self.is_cluster:
            return self._pool(), True
        cluster = self._cluster()
        try:
            return await _pool_of_a_node(cluster), True
        finally:
            await cluster.aclose()

    def _cluster(self) -> RedisCluster:
        return RedisCluster.from_url(self._url, **({"retry": Retry(NoBackoff(), 0)} | self._options))

    def _pool(self) -> ConnectionPool:
        retry = Retry(ExponentialWithJitterBackoff(cap=1.0, base=0.05), _TRIES)
        return ConnectionPool.from_url(self._url, **({"retry": retry} | self._options))


class GivenServer:
    """What a client is connected to that somebody else made, and closes.

    Raises:
        StoreUrlError: If the client would decode what it reads.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self.place = "the given cluster" if isinstance(client, RedisCluster) else "the given client"
        self.is_cluster = isinstance(client, RedisCluster)
        if client.get_encoder().decode_responses:
            raise StoreUrlError("the client of a session store must have decode_responses=False: values are bytes")

    def line(self, closed: Callable[[], None]) -> Line:
        """Open a line for the current event loop, which must be the client's."""
        if isinstance(self._client, RedisCluster):
            return ClusterLine(self._client, self.place, closed, owned=False)
        return PoolLine(self._client.connection_pool, self.place, closed, owned=False)

    async def pool_to_listen(self) -> tuple[ConnectionPool, bool]:
        """Return where to take a connection for messages from, and whether it is to be closed afterwards."""
        if isinstance(self._client, RedisCluster):
            return await _pool_of_a_node(self._client), True
        return self._client.connection_pool, False


async def _pool_of_a_node(cluster: RedisCluster) -> ConnectionPool:
    """Return a pool of connections to any of a cluster's nodes: each has all that is published at one of them."""
    await cluster.initialize()
    node = random.choice(cluster.get_nodes())
    return ConnectionPool(connection_class=node.connection_class, **node.connection_kwargs)


def _has_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - that is how it is checked
    except ValueError:
        return False
    if parts.scheme == "unix":
        return bool(parts.path.strip("/"))
    return bool(parts.hostname) and (not parts.path.strip("/") or parts.path.strip("/").isdecimal())
