"""FastMCP's ``ctx.get_state`` and ``ctx.set_state``: one entry per key, with a lifetime of a day.

There is no connection here, so each context is given what it looks for in one: the prefix of its session's entries.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from fastmcp import Context

from child import Ready, Setting
from contestants.fastmcp_store import server


@asynccontextmanager
async def contestant(setting: Setting) -> AsyncIterator[Ready]:
    """Prepare a context for each session."""
    made = server(setting.url)
    handles = list(setting.handles) or [str(uuid4()) for _ in range(setting.sessions)]
    given: list[Any] = [SimpleNamespace(_fastmcp_state_prefix=name) for name in handles]
    contexts = [Context(made, session) for session in given]
    for context in () if setting.handles else contexts:
        await context.set_state("n", 0)
        for name, value in setting.other.items():
            await context.set_state(name, value)

    async def get(session: int, number: int) -> int:
        found: int = await contexts[session].get_state("n")
        return found

    async def set_(session: int, number: int) -> None:
        await contexts[session].set_state("n", number)

    async def increment(session: int, number: int) -> None:
        await contexts[session].set_state("n", await contexts[session].get_state("n") + 1)

    async def get_own(writer: int, number: int) -> int:
        return int(await contexts[0].get_state(f"w_{writer}") or 0)

    async def set_own(writer: int, number: int) -> None:
        await contexts[0].set_state(f"w_{writer}", number)

    own = {"get_own": get_own, "set_own": set_own}
    yield Ready({"get": get, "set": set_, "increment": increment, **own}, handles)
