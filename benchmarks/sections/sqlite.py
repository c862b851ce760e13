"""SQLite: reads against the module itself on the same kind of thread, durable writes against aiosqlite."""

from collections.abc import Iterator
from typing import Any

from bench import Bench
from report import Section, comparison

OURS, DIRECT = "accessor", "sqlite3 on a thread with a queue"
EACH, SHARED = "aiosqlite, a statement each", "aiosqlite, execute and commit"
MCPSTATE = "mcpstate"
TASKS = 64


def reads(bench: Bench) -> Iterator[Section]:
    """Compare one task's reads and writes."""
    section = Section("SQLite, 1 task")
    path = bench.servers.path
    entries = {
        OURS: bench.ours(f"sqlite:///{path()}"),
        DIRECT: bench.raw("sqlite_thread", path()),
        EACH: bench.peer("aiosqlite_file", path()),
        MCPSTATE: bench.peer("mcpstate_handles", f"sqlite:///{path()}"),
    }
    with bench.contest(entries) as contest:
        for operation in ("get", "set"):
            found = contest(operation)
            section.lines += [f"### {operation}", "", *comparison(found, DIRECT, entries), ""]
            if operation == "get":
                measured = "SQLite, 1 task: `get_x` against a direct read on the same thread model, time"
                section.no_slower(measured, found, OURS, DIRECT, 1.3)
    yield section


def durable(bench: Bench) -> Iterator[Section]:
    """Compare writes that survive the machine's death, 64 tasks, each on a session of its own."""
    section = Section("SQLite, 64 tasks, durable writes (synchronous = FULL)")
    path = bench.servers.path
    full: dict[str, Any] = {"synchronous": "FULL"}
    entries = {
        OURS: bench.ours(f"sqlite:///{path()}", TASKS, **full),
        DIRECT: bench.raw("sqlite_thread", path(), TASKS, **full),
        EACH: bench.peer("aiosqlite_file", path(), TASKS, **full),
        SHARED: bench.peer("aiosqlite_file", path(), TASKS, **full, commit=True),
        MCPSTATE: bench.peer("mcpstate_handles", f"sqlite:///{path()}", TASKS),
    }
    with bench.contest(entries) as contest:
        found = contest("set", tasks=TASKS)
        section.lines += comparison(found, OURS, entries)
        for peer in (EACH, SHARED):
            section.faster(f"SQLite, 64 tasks: durable writes, `set_x` against {peer}", found, OURS, peer, 5)
    yield section
