"""The raw client, redis-py, doing the least that is correct: one script that checks the owner, works and slides.

A session is one HASH with its owner beside the values. It expires by the server's own expiry, which each call moves; so
what has expired is simply not there. There is no greatest lifetime, no version, no limit and no tombstone.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis

from child import Ready, Setting

OWNER = "0123456789abcdef" * 4
IDLE = 1_800_000

CHECK = "if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return {'gone'} end "
SLIDE = f" redis.call('PEXPIRE', KEYS[1], {IDLE}) return {{'ok', result}}"
GET = CHECK + "local result = redis.call('HGET', KEYS[1], ARGV[2])" + SLIDE
SET = CHECK + "local result = redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])" + SLIDE
INCREMENT = CHECK + "local result = redis.call('HINCRBY', KEYS[1], ARGV[2], ARGV[3])" + SLIDE


@asynccontextmanager
async def contestant(setting: Setting) -> AsyncIterator[Ready]:
    """Prepare the scripts and the sessions; the client has the pool that it makes by default."""
    client: Any = Redis.from_url(setting.url, **setting.options)
    get_sha, set_sha, increment_sha = [await client.script_load(text) for text in (GET, SET, INCREMENT)]
    keys = list(setting.handles) or [f"script:{number}" for number in range(setting.sessions)]
    if not setting.handles:
        for key in keys:
            values = {name: json.dumps(value) for name, value in setting.other.items()}
            await client.hset(key, mapping={"owner": OWNER, "n": "0", **values})
            await client.pexpire(key, IDLE)

    def result_of(answer: list[Any]) -> Any:
        if answer[0] != b"ok":
            raise RuntimeError("there is no such session")
        return answer[1]

    async def get(session: int, number: int) -> int:
        return int(result_of(await client.evalsha(get_sha, 1, keys[session], OWNER, "n")))

    async def set_(session: int, number: int) -> None:
        result_of(await client.evalsha(set_sha, 1, keys[session], OWNER, "n", str(number)))

    async def increment(session: int, number: int) -> int:
        return int(result_of(await client.evalsha(increment_sha, 1, keys[session], OWNER, "n", "1")))

    yield Ready({"get": get, "set": set_, "increment": increment, "update": increment}, keys)
    await client.aclose()
