"""FastMCP's ``Session``: one document per session, which ``get`` reads and ``set`` reads and writes.

Sessions begin as ``create_session`` begins them. In a tool, ``get_session(id)`` reads the document once more to see
whether it is there; that is left out here, in FastMCP's favour.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from fastmcp.server.sessions import Session

from child import Ready, Setting
from contestants.fastmcp_store import server

PRINCIPAL = '["client","issuer","subject"]'


@asynccontextmanager
async def contestant(setting: Setting) -> AsyncIterator[Ready]:
    """Prepare sessions on a server's own store."""
    store = server(setting.url)._state_store
    handles = list(setting.handles) or [str(uuid4()) for _ in range(setting.sessions)]
    sessions = [Session(store=store, principal=PRINCIPAL, session_id=name, public_id=name) for name in handles]
    for session in () if setting.handles else sessions:
        await session._create()
        await session.set("n", 0)
        for name, value in setting.other.items():
            await session.set(name, value)

    async def get(session: int, number: int) -> int:
        found: int = await sessions[session].get("n")
        return found

    async def set_(session: int, number: int) -> None:
        await sessions[session].set("n", number)

    async def increment(session: int, number: int) -> None:
        await sessions[session].set("n", await sessions[session].get("n") + 1)

    async def get_own(writer: int, number: int) -> int:
        return int(await sessions[0].get(f"w_{writer}", 0))

    async def set_own(writer: int, number: int) -> None:
        await sessions[0].set(f"w_{writer}", number)

    own = {"get_own": get_own, "set_own": set_own}
    yield Ready({"get": get, "set": set_, "increment": increment, **own}, handles)
