"""valkey-glide doing the same as ``redis_script``, by its own way of running scripts."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from glide import GlideClient, GlideClientConfiguration, NodeAddress, Script

from child import Ready, Setting
from contestants.redis_lua import GET, IDLE, INCREMENT, OWNER, SET


@asynccontextmanager
async def contestant(setting: Setting) -> AsyncIterator[Ready]:
    """Prepare the scripts and the sessions; the client multiplexes one connection, as it always does."""
    parts = urlsplit(setting.url)
    client = await GlideClient.create(GlideClientConfiguration([NodeAddress(parts.hostname, parts.port)]))
    get_script, set_script, increment_script = Script(GET), Script(SET), Script(INCREMENT)
    keys = [f"glide:{number}" for number in range(setting.sessions)]
    for key in keys:
        values = {name: json.dumps(value) for name, value in setting.other.items()}
        await client.hset(key, {"owner": OWNER, "n": "0", **values})
        await client.pexpire(key, IDLE)

    async def run(script: Script, key: str, *arguments: str) -> Any:
        answer = await client.invoke_script(script, [key], list(arguments))
        if answer[0] != b"ok":
            raise RuntimeError("there is no such session")
        return answer[1]

    async def get(session: int, number: int) -> int:
        return int(await run(get_script, keys[session], OWNER, "n"))

    async def set_(session: int, number: int) -> None:
        await run(set_script, keys[session], OWNER, "n", str(number))

    async def increment(session: int, number: int) -> int:
        return int(await run(increment_script, keys[session], OWNER, "n", "1"))

    yield Ready({"get": get, "set": set_, "increment": increment})
    await client.close()
