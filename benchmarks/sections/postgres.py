"""PostgreSQL: against the raw driver's statement, and against pools."""

from collections.abc import Iterator

from bench import Bench
from report import Section, comparison

OURS, OURS_UNPREPARED = "accessor", "accessor, prepare=false"
RAW, UNPREPARED = "psycopg, prepared statement", "psycopg, unprepared statement"
POOL, ASYNCPG_POOL, ASYNCPG = "psycopg_pool, a query per checkout", "asyncpg's pool", "asyncpg"
TASKS, CONNECTIONS = 64, 8


def one_task(bench: Bench) -> Iterator[Section]:
    """Compare with the raw driver doing the least that is correct; like with like as to prepared statements."""
    url = bench.servers.postgres.url
    section = Section("PostgreSQL, 1 task")
    entries = {
        OURS: bench.ours(url),
        OURS_UNPREPARED: bench.ours(url, prepare=False),
        RAW: bench.raw("psycopg_statement", url),
        UNPREPARED: bench.raw("psycopg_statement", url, prepare=False),
        ASYNCPG: bench.peer("asyncpg_statement", url),
    }
    with bench.contest(entries) as contest:
        for operation in ("get", "set", "increment"):
            found = contest(operation)
            section.lines += [f"### {operation}", "", *comparison(found, RAW, entries), ""]
            for ours, raw, how in ((OURS, RAW, "prepared"), (OURS_UNPREPARED, UNPREPARED, "unprepared")):
                measured = f"PostgreSQL, 1 task: `{operation}_x` against psycopg with one statement, {how}, time"
                section.no_slower(measured, found, ours, raw, 1.2)
    yield section


def many_tasks(bench: Bench) -> Iterator[Section]:
    """Compare 64 tasks, each on a session of its own, with pools of as many connections as the store has."""
    url = bench.servers.postgres.url
    section = Section(f"PostgreSQL, 64 tasks on 64 sessions, {CONNECTIONS} connections")
    entries = {
        OURS: bench.ours(url, TASKS),
        POOL: bench.peer("psycopg_statement", url, TASKS, pool=CONNECTIONS),
        ASYNCPG_POOL: bench.peer("asyncpg_statement", url, TASKS, pool=CONNECTIONS),
    }
    with bench.contest(entries) as contest:
        for operation in ("get", "set"):
            found = contest(operation, tasks=TASKS)
            section.lines += [f"### {operation}", "", *comparison(found, OURS, entries), ""]
            measured = f"PostgreSQL, 64 tasks: `{operation}_x` against a query per checkout of psycopg's pool"
            section.faster(measured, found, OURS, POOL, 4)
    yield section
