"""starsessions: a web session that is loaded as a whole when a request begins, and saved as a whole when it ends.

``get`` is a load, ``set`` a load, a change and a save, as its middleware does it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex

from redis.asyncio import Redis
from starlette.requests import HTTPConnection
from starsessions.serializers import JsonSerializer
from starsessions.session import SessionHandler
from starsessions.stores.redis import RedisStore

from child import Ready, Setting

LIFETIME = 1800


@asynccontextmanager
async def contestant(setting: Setting) -> AsyncIterator[Ready]:
    """Prepare sessions under ids of the kind that it makes."""
    client = Redis.from_url(setting.url)
    store, serializer = RedisStore(connection=client), JsonSerializer()
    ids = [token_hex(16) for _ in range(setting.sessions)]

    async def load(session: int) -> tuple[SessionHandler, HTTPConnection]:
        connection = HTTPConnection({"type": "http"})
        handler = SessionHandler(connection, ids[session], store, serializer, LIFETIME)
        await handler.load()
        return handler, connection

    async def get(session: int, number: int) -> int:
        _, connection = await load(session)
        found: int = connection.session["n"]
        return found

    async def set_(session: int, number: int) -> None:
        handler, connection = await load(session)
        connection.session["n"] = number
        await handler.save(LIFETIME)

    for session in range(setting.sessions):
        handler, connection = await load(session)
        connection.session.update({"n": 0, **setting.other})
        await handler.save(LIFETIME)
    yield Ready({"get": get, "set": set_})
    await client.aclose()
