"""Ours: the generated accessor on any of the stores.

Options: ``clock`` "slides" (each call finds that the expiry has to be moved) or "stands" (none does); what else there
is goes to the store. The url "memory" is the memory store.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count

from child import Ready, Setting
from generated.bench import BenchSession
from mcp_sessions import Store, open_store
from mcp_sessions.stores import MemoryStore

OWNER = "0123456789abcdef" * 4


def _clock(how: str) -> Callable[[], float]:
    """Return a clock that each look at moves a minute on, which is more than a sixtieth of half an hour; or none."""
    times = count(1_800_000_000, 60)
    return (lambda: float(next(times))) if how == "slides" else lambda: 1_800_000_000.0


def _store(setting: Setting) -> Store:
    options = dict(setting.options)
    if "clock" in options:
        options["clock"] = _clock(options["clock"])
    return MemoryStore(**options) if setting.url == "memory" else open_store(setting.url, **options)


@asynccontextmanager
async def contestant(setting: Setting) -> AsyncIterator[Ready]:
    """Prepare sessions, each with an accessor, as a tool has it."""
    store = _store(setting)
    handles = list(setting.handles)
    for _ in range(0 if handles else setting.sessions):
        made = await BenchSession.create(store, owner=OWNER, values={"n": 0, **setting.other})
        handles.append(made.id)
    sessions = [BenchSession.open(store, handle, owner=OWNER) for handle in handles]

    async def get(session: int, number: int) -> int:
        return await sessions[session].get_n()

    async def set_(session: int, number: int) -> None:
        await sessions[session].set_n(number)

    async def increment(session: int, number: int) -> int:
        return await sessions[session].increment_n()

    async def update(session: int, number: int) -> int:
        return await sessions[session].update_n(lambda n: n + 1)

    yield Ready({"get": get, "set": set_, "increment": increment, "update": update}, handles)
    await store.aclose()
