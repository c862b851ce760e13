"""asyncpg doing the same as ``psycopg_statement``; it prepares and keeps statements by itself.

Options: ``pool``, how many connections of its pool operations check out, each for one; without it one connection is
held.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Any
from uuid import uuid4

import asyncpg

from child import Ready, Setting
from contestants.postgres_sql import GET, INCREMENT, OWNER, SET, SLIDE, TABLES, rows


def numbered(statement: str) -> str:
    """Return a statement with its parameters as this driver has them."""
    numbers = count(1)
    first, *parts = statement.split("%s")
    return first + "".join(f"${next(numbers)}{part}" for part in parts)


@asynccontextmanager
async def contestant(setting: Setting) -> AsyncIterator[Ready]:
    """Prepare the tables, the sessions and the connections; each statement is a transaction by itself."""
    names = [str(uuid4()) for _ in range(setting.sessions)]
    async with AsyncExitStack() as stack:
        connection = await asyncpg.connect(setting.url)
        stack.push_async_callback(connection.close)
        for table in TABLES:
            await connection.execute(table)
        async with connection.transaction():
            for statement, values in rows(names, setting.other):
                await connection.execute(numbered(statement), *values)
        run = connection.fetchrow
        if size := setting.options.get("pool"):
            pool = await stack.enter_async_context(asyncpg.create_pool(setting.url, min_size=size, max_size=size))
            run = pool.fetchrow
        get_text, set_text, increment_text, slide_text = map(numbered, (GET, SET, INCREMENT, SLIDE))

        def result_of(row: Any) -> int:
            if row is None:
                raise RuntimeError("there is no such session")
            return int(row[0])

        async def get(session: int, number: int) -> int:
            row = await run(get_text, "n", names[session], OWNER)
            if row is not None and row[1]:
                await run(slide_text, names[session])
            return result_of(row)

        async def set_(session: int, number: int) -> None:
            result_of(await run(set_text, names[session], OWNER, "n", str(number)))

        async def increment(session: int, number: int) -> int:
            return result_of(await run(increment_text, names[session], OWNER, "n", "1"))

        yield Ready({"get": get, "set": set_, "increment": increment, "update": increment})
