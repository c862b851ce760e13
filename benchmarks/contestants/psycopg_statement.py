"""The raw driver, psycopg 3, doing the least that is correct, by the statements of ``postgres_sql``.

Options: ``pool``, how many connections of a psycopg_pool operations check out, each for one; without it one connection
is held. ``prepare``: whether statements are prepared at once, or never.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

from psycopg import AsyncConnection

from child import Ready, Setting
from contestants.postgres_sql import GET, INCREMENT, OWNER, SET, SLIDE, TABLES, rows


@asynccontextmanager
async def contestant(setting: Setting) -> AsyncIterator[Ready]:
    """Prepare the tables, the sessions and the connections; each statement is a transaction by itself."""
    options: dict[str, Any] = {
        "autocommit": True,
        "prepare_threshold": 0 if setting.options.get("prepare", True) else None,
    }
    names = [str(uuid4()) for _ in range(setting.sessions)]
    async with AsyncExitStack() as stack:
        connection: AsyncConnection[Any] = await AsyncConnection.connect(setting.url, **options)
        stack.push_async_callback(connection.close)
        for table in TABLES:
            await connection.execute(table)
        async with connection.transaction():
            for statement, values in rows(names, setting.other):
                await connection.execute(statement, values)

        async def held(statement: str, *values: str) -> Any:
            return await (await connection.execute(statement, values)).fetchone()

        run = held
        if size := setting.options.get("pool"):
            from psycopg_pool import AsyncConnectionPool

            pool = AsyncConnectionPool(setting.url, kwargs=options, min_size=size, max_size=size, open=False)
            await stack.enter_async_context(pool)

            async def checked_out(statement: str, *values: str) -> Any:
                async with pool.connection() as one:
                    return await (await one.execute(statement, values)).fetchone()

            run = checked_out

        def result_of(row: Any) -> int:
            if row is None:
                raise RuntimeError("there is no such session")
            return int(row[0])

        async def get(session: int, number: int) -> int:
            row = await run(GET, "n", names[session], OWNER)
            if row is not None and row[1]:
                await run(SLIDE, names[session])
            return result_of(row)

        async def set_(session: int, number: int) -> None:
            result_of(await run(SET, names[session], OWNER, "n", str(number)))

        async def increment(session: int, number: int) -> int:
            return result_of(await run(INCREMENT, names[session], OWNER, "n", "1"))

        yield Ready({"get": get, "set": set_, "increment": increment, "update": increment})
