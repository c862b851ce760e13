"""Notices by PUBLISH and SUBSCRIBE, on a connection of their own; also in a cluster, whose nodes pass them on."""

from collections.abc import AsyncGenerator
from typing import Final

from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.redis.asker import Asker
from mcp_sessions.stores.redis.clients import GivenServer, Server
from mcp_sessions.stores.redis.line import failure

_QUIET_SECONDS: Final = 10.0
"""After how long without a message it is asked whether the server is still there, and how long it may take to say so"""


class RedisNotices:
    """A channel of a Redis or Valkey server or cluster; see ``Notices``.

    Args:
        server: Where to listen.
        asker: Sends, on the connection that the store has anyway.
        channel: The name of the channel.
    """

    def __init__(self, server: Server | GivenServer, asker: Asker, channel: bytes) -> None:
        self._server = server
        self._asker = asker
        self._channel = channel

    async def publish(self, message: bytes) -> None:
        """See ``Notices.publish``."""
        await self._asker.publish(self._channel, message)

    async def listen(self) -> AsyncGenerator[bytes | None, None]:
        """See ``Notices.listen``."""
        try:
            pool, is_ours = await self._server.pool_to_listen()
        except (RedisError, OSError) as error:
            raise failure(self._server.place, error) from error
        try:
            async with PubSub(pool) as connection:
                try:
                    await connection.subscribe(self._channel)
                    async for message in self._heard(connection):
                        yield message
                finally:
                    if connection.connection is not None:
                        await connection.connection.disconnect()  # and wait for that, which PubSub does not
        except (RedisError, OSError) as error:
            raise failure(self._server.place, error) from error
        finally:
            if is_ours:
                await pool.disconnect()

    async def _heard(self, connection: PubSub) -> AsyncGenerator[bytes | None, None]:
        """Yield what comes in. A client that connects again by itself subscribes again, and then has missed some."""
        is_asked = False
        while True:
            got = await connection.get_message(timeout=_QUIET_SECONDS)
            if got is None:
                if is_asked:
                    raise StoreError(f"the session store at {self._server.place} does not answer any more")
                await connection.ping()
                is_asked = True
                continue
            is_asked = False
            if got["type"] == "subscribe":
                yield None
            elif got["type"] == "message":
                yield bytes(got["data"])

    async def aclose(self) -> None:
        """See ``Notices.aclose``: the connection ends with ``listen``."""
