"""The line to one server: what is asked while answers come in is sent before the rest of them is read."""

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any, Final, Protocol, cast

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError

from mcp_sessions.stores.redis.line import Argument, Asked, Line, LostError
from mcp_sessions.stores.redis.scripts import scripts

try:
    import hiredis
except ImportError:  # a client that was given may do without it
    pack_command = None
else:
    pack_command = cast("Callable[[tuple[Argument, ...]], bytes]", hiredis.pack_command)

_STEP: Final = 16
"""How many answers are given before what was asked meanwhile is sent, so that the server works while we do."""

_IN_FLIGHT: Final = 128
"""How many calls are on their way at most."""


class Pool(Protocol):
    """What is needed of a pool of redis-py, as it has it."""

    async def get_connection(self) -> AbstractConnection:
        """Return a connection that is connected."""
        ...

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        """Connect a connection again that was closed meanwhile."""
        ...

    async def release(self, connection: AbstractConnection) -> None:
        """Take a connection back."""
        ...

    async def disconnect(self) -> None:
        """Close all connections."""
        ...

    def make_connection(self) -> AbstractConnection:
        """Make a connection that is not connected yet."""
        ...


class PoolLine(Line):
    """A line to one server, on one of a pool's connections, which it keeps; see ``Line``.

    Args:
        pool: The connections.
        owned: Whether they are to be closed with the line.
    """

    def __init__(self, pool: Pool, place: str, closed: Callable[[], None], *, owned: bool) -> None:
        super().__init__(place, closed)
        self._pool = pool
        self._owned = owned
        self._connection: AbstractConnection | None = None
        self._patience: float | None = None
        self._knows_scripts = False

    async def _serve(self, asked: list[Asked], more: Callable[[], list[Asked]] | None = None) -> None:
        waiting, unknown = deque[Asked](), list[Asked]()
        are_sent = False
        try:
            connection = await self._connected()
            are_sent = True
            await self._converse(connection, asked, waiting, unknown, more)
        except Exception as error:
            await self._hang_up()
            why = str(error) or f"no answer for {self._patience or 0:g} seconds"  # a time limit says nothing by itself
            for _, answer in (*unknown, *waiting, *asked):
                self._give(answer, LostError(why) if are_sent else RedisError(why))
        except BaseException:  # the event loop ends, or a lone caller gives up
            await self._hang_up()
            for _, answer in (*unknown, *waiting, *asked):
                answer.cancel()
            raise

    async def _converse(
        self,
        connection: AbstractConnection,
        asked: list[Asked],
        waiting: deque[Asked],
        unknown: list[Asked],
        more: Callable[[], list[Asked]] | None,
    ) -> None:
        """Send calls and give answers in turns, until nobody is waiting.

        Those whose script the server does not know go to ``unknown``, and to it once more, with the script, when it
        has answered all others: so they keep their order.
        """
        to_send, in_full, is_replica = asked, False, False
        while to_send or waiting:
            async with asyncio.timeout(self._patience):
                if to_send:
                    await self._send(connection, to_send, waiting, in_full=in_full)
                for _ in range(len(waiting) if more is None else min(_STEP, len(waiting))):
                    result = await _read(connection)
                    call, answer = waiting.popleft()
                    if isinstance(result, NoScriptError):
                        unknown.append((call, answer))
                    else:
                        self._give(answer, result)
                        is_replica = is_replica or isinstance(result, ReadOnlyError)
            to_send, in_full = [], False
            if unknown:
                if not waiting:
                    to_send, in_full = unknown.copy(), True
                    unknown.clear()
            elif more is not None and not is_replica and len(waiting) < _IN_FLIGHT:
                await asyncio.sleep(0)  # whoever has an answer may ask for more
                to_send = more()
        if is_replica:
            await self._hang_up()

    async def _send(
        self, connection: AbstractConnection, asked: list[Asked], waiting: deque[Asked], *, in_full: bool
    ) -> None:
        """Send calls, whose callers are waiting from then on; one that cannot be sent fails its caller alone.

        They go out on this very connection or not at all: redis-py would otherwise connect anew, or take somebody's
        answer for that to a question of its own, and all further answers would go to the wrong callers.
        """
        packed = []
        for call, answer in asked:
            try:
                packed.append(_packed(connection, call.command(in_full=in_full)))
            except (RedisError, ValueError, TypeError) as error:
                self._give(answer, error)
            else:
                waiting.append((call, answer))
        if not connection.is_connected:
            raise ConnectionError("the connection was closed")
        await connection.send_packed_command(b"".join(packed), check_health=False)

    async def _connected(self) -> AbstractConnection:
        """Return the connection; its time limits are left to this line, since its own take a task for each command."""
        connection = self._connection
        if connection is None:
            self._connection = connection = await self._pool.get_connection()
            self._patience = connection.socket_timeout
        else:
            connection.socket_timeout = self._patience
            await self._pool.ensure_connection(connection)
        # Where the client is to look whether it is well, it does now, when there are no answers that it could mistake.
        await connection.check_health()  # type: ignore[no-untyped-call]  # redis-py says nothing of its type
        connection.socket_timeout = None
        if not self._knows_scripts:
            async with asyncio.timeout(self._patience):
                loading = [_packed(connection, ("SCRIPT", "LOAD", script.text)) for script in scripts().values()]
                await connection.send_packed_command(b"".join(loading), check_health=False)
                for _ in loading:
                    await _read(connection)
            self._knows_scripts = True
        return connection

    async def _hang_up(self) -> None:
        """Close the connection; another may lead to another server."""
        self._knows_scripts = False
        if self._connection is not None:
            await self._connection.disconnect(nowait=True)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.socket_timeout = self._patience
            await self._pool.release(connection)
        if self._owned:
            await self._pool.disconnect()


async def _read(connection: AbstractConnection) -> Any:
    """Return the next answer, which may be an error that the server answers."""
    try:
        return await connection.read_response(timeout=inf)
    except ResponseError as error:
        return error


def _packed(connection: AbstractConnection, command: tuple[Argument, ...]) -> bytes:
    """Return a command as it is sent."""
    if pack_command is None:
        return b"".join(connection.pack_command(*command))
    return pack_command(command)
