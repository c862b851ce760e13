"""py-key-value's RedisStore by itself: one entry per key, with a lifetime that ``set`` begins anew."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from key_value.aio.stores.redis import RedisStore

from child import Ready, Setting

LIFETIME = 1800


@asynccontextmanager
async def contestant(setting: Setting) -> AsyncIterator[Ready]:
    """Prepare the entries; a collection for each session."""
    store = RedisStore(url=setting.url)
    names = [f"session-{number}" for number in range(setting.sessions)]

    async def get(session: int, number: int) -> int:
        entry = await store.get("n", collection=names[session])
        if entry is None:
            raise RuntimeError("there is no such entry")
        return int(entry["value"])

    async def set_(session: int, number: int) -> None:
        await store.put("n", {"value": number}, collection=names[session], ttl=LIFETIME)

    for session, name in enumerate(names):
        await set_(session, 0)
        for key, value in setting.other.items():
            await store.put(key, {"value": value}, collection=name, ttl=LIFETIME)
    yield Ready({"get": get, "set": set_})
    await store.close()
