"""aiosqlite, one connection, each operation one statement that is a transaction by itself: the least, and the fastest.

That statement checks owner and expiry; it does not slide the lifetime, which would take another. Options:
``synchronous``, SQLite's pragma; ``commit``: an ``execute`` and a ``commit`` instead, with which tasks commit what
others have written along with their own.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosqlite

from child import Ready, Setting
from contestants.sqlite_sql import OWNER, READ, TABLES, WRITE, rows


@asynccontextmanager
async def contestant(setting: Setting) -> AsyncIterator[Ready]:
    """Prepare the file in WAL mode."""
    commits = bool(setting.options.get("commit"))
    connection = await aiosqlite.connect(setting.url, isolation_level="DEFERRED" if commits else None)
    await connection.execute("PRAGMA journal_mode = WAL")
    await connection.execute(f"PRAGMA synchronous = {setting.options.get('synchronous', 'NORMAL')}")
    names = [f"session-{number}" for number in range(setting.sessions)]
    for statement in TABLES:
        await connection.execute(statement)
    for statement, values in rows(names, setting.other, time.time()):
        await connection.execute(statement, values)
    await connection.commit()

    async def get(session: int, number: int) -> int:
        found = list(await connection.execute_fetchall(READ, ("n", names[session], OWNER, time.time())))
        if not found:
            raise RuntimeError("there is no such session")
        return int(found[0][1])

    async def set_(session: int, number: int) -> None:
        await connection.execute(WRITE, ("n", str(number).encode(), names[session], OWNER, time.time()))
        if commits:
            await connection.commit()

    yield Ready({"get": get, "set": set_})
    await asyncio.wait_for(connection.close(), 5.0)
