"""mcpstate: a handle to one document, by its asynchronous face; ``set`` is a patch of one key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcpstate import AsyncHandleStore, SetKey

from child import Ready, Setting

USER = "issuer|subject"


@asynccontextmanager
async def contestant(setting: Setting) -> AsyncIterator[Ready]:
    """Prepare documents; the limit of their size is raised, as the largest that is measured is above its default."""
    store = AsyncHandleStore.from_url(setting.url, max_state_bytes=4 << 20)
    handles = list(setting.handles)
    for _ in range(0 if handles else setting.sessions):
        handles.append(await store.mint("bench", {"n": 0, **setting.other}, user=USER, ttl_days=1))

    async def get(session: int, number: int) -> int:
        found: int = (await store.get(handles[session], user=USER)).state["n"]
        return found

    async def set_(session: int, number: int) -> None:
        await store.patch(handles[session], [SetKey("", "n", number)], user=USER)

    yield Ready({"get": get, "set": set_}, handles)
    await store.close()
