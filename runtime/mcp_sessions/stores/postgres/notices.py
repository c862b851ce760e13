"""Notices by NOTIFY and LISTEN, each on a connection of its own: what listens has no time for anything else."""

import asyncio
import secrets
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator
from typing import Final
from weakref import WeakKeyDictionary

import psycopg

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.postgres.database import Database
from mcp_sessions.stores.postgres.definition import Connection, quoted

_PROBE_SECONDS: Final = 5.0
"""How long the first notification, which is our own, may take."""

_PROBE: Final = "?"
"""What the text of a probe begins with, and no base64 does."""

_NOT_HEARD: Final = (
    "the session database passes on no notifications: LISTEN needs a connection of its own, which a pooler that gives "
    "them out by transaction has not"
)


class PostgresNotices:
    """A channel of a PostgreSQL database; see ``Notices``.

    Args:
        database: Where to connect to.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._senders: WeakKeyDictionary[asyncio.AbstractEventLoop, _Sender] = WeakKeyDictionary()

    async def publish(self, message: bytes) -> None:
        """See ``Notices.publish``."""
        await self._sender().send(b64encode(message).decode())

    async def listen(self) -> AsyncGenerator[bytes | None, None]:
        """See ``Notices.listen``.

        The first notification is a probe: through some poolers LISTEN succeeds, and nothing is ever heard.
        """
        connection = await self._database.connect()
        try:
            await connection.execute(f"LISTEN {quoted(self._database.channel)}")
            await self._probe(connection)
            yield None
            async for notification in connection.notifies():  # TCP's keepalives tell when the server is gone
                message = _message_in(notification.payload)
                if message is not None:
                    yield message
        except (psycopg.Error, OSError) as error:
            raise self._database.lost(error) from error
        finally:
            await connection.close()

    async def _probe(self, connection: Connection) -> None:
        probe = _PROBE + secrets.token_hex(16)
        await self._sender().send(probe)
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                async for notification in connection.notifies():
                    if notification.payload == probe:
                        return
        except TimeoutError:
            raise StoreError(_NOT_HEARD) from None

    def _sender(self) -> "_Sender":
        return self._senders.setdefault(asyncio.get_running_loop(), _Sender(self._database))

    async def aclose(self) -> None:
        """See ``Notices.aclose``."""
        sender = self._senders.pop(asyncio.get_running_loop(), None)
        if sender is not None:
            await sender.close()


def _message_in(payload: str) -> bytes | None:
    """Return the message of a notification; None if it is a probe, or no message: anybody in a database may send."""
    try:
        return b64decode(payload, validate=True)
    except ValueError:
        return None


class _Sender:
    """The connection by which one event loop sends."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._connection: Connection | None = None

    async def send(self, text: str) -> None:
        async with self._turn:
            if self._connection is None or self._connection.closed:
                self._connection = await self._database.connect()
            try:
                await self._connection.execute("SELECT pg_notify($1, $2)", (self._database.channel, text))
            except BaseException as error:
                await self._hang_up()
                if isinstance(error, psycopg.Error | OSError):
                    raise self._database.lost(error) from error
                raise

    async def close(self) -> None:
        async with self._turn:
            await self._hang_up()

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
