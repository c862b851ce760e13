"""Ours: the generated accessor on any of the stores.

Options: ``counted``: whether to count compare-and-sets that found something else than they expected; ``clock``:
"slides" (each call finds that the expiry has to be moved) or "stands" (none does). What else there is goes to the
store. The urls "memory" and "key-value" are the memory store and the store on py-key-value's memory store. ``set_own``
and ``get_own`` are of a session of sixteen numbers, each with a writer of its own.
"""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from child import Operation, Ready, Setting
from generated.bench import BenchSession, WritersSession
from mcp_sessions import Store, open_store
from mcp_sessions.stores import MemoryStore

OWNER = "0123456789abcdef" * 4


def _clock(how: str) -> Callable[[], float]:
    """Return a clock that each look at moves a minute on, which is more than a sixtieth of half an hour; or none."""
    times = itertools.count(1_800_000_000, 60)
    return (lambda: float(next(times))) if how == "slides" else lambda: 1_800_000_000.0


def _store(setting: Setting) -> Store:
    options = {name: value for name, value in setting.options.items() if name != "counted"}
    if "clock" in options:
        options["clock"] = _clock(options["clock"])
    if setting.url == "memory":
        return MemoryStore(**options)
    if setting.url == "key-value":  # imported here, since it takes as long as all the rest
        from key_value.aio.stores import memory as key_value_memory

        from mcp_sessions.stores.keyvalue import KeyValueStore

        return KeyValueStore(key_value_memory.MemoryStore(), **options)
    return open_store(setting.url, **options)


def _counted(store: Store) -> Callable[[], dict[str, int]]:
    """Have a store count its beaten compare-and-sets, and return what tells their number."""
    write, beaten = store.write, [0]

    async def counting(*args: Any, **kwargs: Any) -> Any:
        held = await write(*args, **kwargs)
        beaten[0] += held is not None
        return held

    store.write = counting  # type: ignore[method-assign]  # a contestant's own store
    return lambda: {"retries": beaten[0]}


@asynccontextmanager
async def contestant(setting: Setting) -> AsyncIterator[Ready]:
    """Prepare sessions, each with an accessor, as a tool has it."""
    store = _store(setting)
    count = _counted(store) if setting.options.get("counted") else dict
    handles = list(setting.handles)
    if not handles:
        for _ in range(setting.sessions):
            made = await BenchSession.create(store, owner=OWNER, values={"n": 0, **setting.other})
            handles.append(made.id)
        handles.append((await WritersSession.create(store, owner=OWNER)).id)
    sessions = [BenchSession.open(store, handle, owner=OWNER) for handle in handles[:-1]]
    own = _writers(WritersSession.open(store, handles[-1], owner=OWNER))

    async def get(session: int, number: int) -> int:
        return await sessions[session].get_n()

    async def set_(session: int, number: int) -> None:
        await sessions[session].set_n(number)

    async def increment(session: int, number: int) -> int:
        return await sessions[session].increment_n()

    async def update(session: int, number: int) -> int:
        return await sessions[session].update_n(lambda n: n + 1)

    operations = {"get": get, "set": set_, "increment": increment, "update": update}
    yield Ready(operations | own, handles, count)
    await store.aclose()


def _writers(session: WritersSession) -> dict[str, Operation]:
    async def get_own(writer: int, _: int) -> int:
        return int(await getattr(session, f"get_w_{writer}")())

    async def set_own(writer: int, number: int) -> None:
        await getattr(session, f"set_w_{writer}")(number)

    return {"get_own": get_own, "set_own": set_own}
