"""The standard library's sqlite3 on a thread with a queue, answers by a future of the event loop: the least there is.

A write is a transaction of its own, which also looks whether the lifetime has to slide. Options: ``synchronous``,
SQLite's pragma.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeAlias

from child import Ready, Setting
from contestants.sqlite_sql import IDLE, OWNER, READ, SLACK, SLIDE, TABLES, WRITE, rows

Job: TypeAlias = tuple[Callable[[sqlite3.Connection], Any], "asyncio.Future[Any]"]


@asynccontextmanager
async def contestant(setting: Setting) -> AsyncIterator[Ready]:
    """Prepare the file in WAL mode, and the thread."""
    loop = asyncio.get_running_loop()
    jobs: SimpleQueue[Job | None] = SimpleQueue()
    names = [f"session-{number}" for number in range(setting.sessions)]

    def work() -> None:
        connection = sqlite3.connect(setting.url, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {setting.options.get('synchronous', 'NORMAL')}")
        while (job := jobs.get()) is not None:
            function, answer = job
            try:
                loop.call_soon_threadsafe(answer.set_result, function(connection))
            except sqlite3.Error as error:
                loop.call_soon_threadsafe(answer.set_exception, error)
        connection.close()

    async def run(function: Callable[[sqlite3.Connection], Any]) -> Any:
        answer: asyncio.Future[Any] = loop.create_future()
        jobs.put((function, answer))
        return await answer

    def prepare(connection: sqlite3.Connection) -> None:
        for statement in TABLES:
            connection.execute(statement)
        connection.execute("BEGIN")
        for statement, values in rows(names, setting.other, time.time()):
            connection.execute(statement, values)
        connection.execute("COMMIT")

    def look(connection: sqlite3.Connection, session: str) -> Any:
        now = time.time()
        found = connection.execute(READ, ("n", session, OWNER, now)).fetchone()
        if found is None:
            raise sqlite3.DataError("there is no such session")
        if found[0] < now + IDLE - SLACK:
            connection.execute(SLIDE, (now + IDLE, session))
        return found[1]

    def write(connection: sqlite3.Connection, session: str, number: int) -> None:
        connection.execute("BEGIN IMMEDIATE")
        look(connection, session)
        connection.execute(WRITE, ("n", str(number).encode(), session, OWNER, time.time()))
        connection.execute("COMMIT")

    async def get(session: int, number: int) -> int:
        return int(await run(lambda connection: look(connection, names[session])))

    async def set_(session: int, number: int) -> None:
        await run(lambda connection: write(connection, names[session], number))

    thread = Thread(target=work)
    thread.start()
    await run(prepare)
    yield Ready({"get": get, "set": set_})
    jobs.put(None)
    thread.join()
