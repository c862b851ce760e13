"""The raw client, redis-py, with one plain command per operation on a HASH: no owner, no expiry, nothing checked."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis

from child import Ready, Setting


@asynccontextmanager
async def contestant(setting: Setting) -> AsyncIterator[Ready]:
    """Prepare the sessions; the client has the pool that it makes by default."""
    client: Any = Redis.from_url(setting.url)
    keys = list(setting.handles) or [f"plain:{number}" for number in range(setting.sessions)]
    for key in () if setting.handles else keys:
        await client.hset(key, mapping={"n": "0", **{name: json.dumps(value) for name, value in setting.other.items()}})

    async def get(session: int, number: int) -> int:
        return int(await client.hget(keys[session], "n"))

    async def set_(session: int, number: int) -> None:
        await client.hset(keys[session], "n", str(number))

    async def increment(session: int, number: int) -> int:
        return int(await client.hincrby(keys[session], "n", 1))

    async def get_own(writer: int, number: int) -> int:
        return int(await client.hget(keys[0], f"w_{writer}") or 0)

    async def set_own(writer: int, number: int) -> None:
        await client.hset(keys[0], f"w_{writer}", str(number))

    own = {"get_own": get_own, "set_own": set_own}
    yield Ready({"get": get, "set": set_, "increment": increment, "update": increment, **own}, keys)
    await client.aclose()
