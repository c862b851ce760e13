"""The raw client, redis-py, doing the least that is correct: one script per operation, those of ``redis_lua``."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis

from child import Ready, Setting
from contestants.redis_lua import GET, IDLE, INCREMENT, OWNER, SET


@asynccontextmanager
async def contestant(setting: Setting) -> AsyncIterator[Ready]:
    """Prepare the scripts and the sessions; the client has the pool that it makes by default."""
    client: Any = Redis.from_url(setting.url)
    get_sha, set_sha, increment_sha = [await client.script_load(text) for text in (GET, SET, INCREMENT)]
    keys = list(setting.handles) or [f"script:{number}" for number in range(setting.sessions)]
    for key in () if setting.handles else keys:
        values = {name: json.dumps(value) for name, value in setting.other.items()}
        await client.hset(key, mapping={"owner": OWNER, "n": "0", **values})
        await client.pexpire(key, IDLE)

    async def run(sha: str, *arguments: str) -> Any:
        answer = await client.evalsha(sha, 1, *arguments)
        if answer[0] != b"ok":
            raise RuntimeError("there is no such session")
        return answer[1]

    async def get(session: int, number: int) -> int:
        return int(await run(get_sha, keys[session], OWNER, "n"))

    async def set_(session: int, number: int) -> None:
        await run(set_sha, keys[session], OWNER, "n", str(number))

    async def increment(session: int, number: int) -> int:
        return int(await run(increment_sha, keys[session], OWNER, "n", "1"))

    yield Ready({"get": get, "set": set_, "increment": increment, "update": increment}, keys)
    await client.aclose()
