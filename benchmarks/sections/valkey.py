"""Valkey: one task and 64 of them, against the raw client and the peers."""

from collections.abc import Iterator
from functools import partial

from bench import Bench
from report import Section, comparison

OURS, SCRIPT, PLAIN = "accessor", "redis-py, one script", "redis-py, plain command"
SESSION, STATE = "FastMCP Session", "FastMCP get_state, set_state"
KIB = 1024
TASKS = 64


def one_task(bench: Bench) -> Iterator[Section]:
    """Compare with the raw client doing the least that is correct."""
    url = bench.servers.valkey.url
    section = Section("Valkey, 1 task, against the raw client")
    entries = {OURS: bench.ours(url), SCRIPT: bench.raw("redis_script", url), PLAIN: bench.raw("redis_plain", url)}
    with bench.contest(entries, valkey=True) as contest:
        for operation in ("get", "set", "increment"):
            found = contest(operation)
            section.lines += [f"### {operation}", "", *comparison(found, SCRIPT, entries), ""]
            measured = f"Valkey, 1 task: `{operation}_x` against redis-py with one script, time"
            section.at_most(measured, 1.15, partial(found.ratio, OURS, SCRIPT))
    yield section


def many_tasks(bench: Bench) -> Iterator[Section]:
    """Compare 64 tasks, each on a session of its own."""
    url = bench.servers.valkey.url
    section = Section("Valkey, 64 tasks on 64 sessions of 1 KiB")
    entries = {
        OURS: bench.ours(url, TASKS),
        SCRIPT: bench.raw("redis_script", url, TASKS),
        PLAIN: bench.raw("redis_plain", url, TASKS),
        STATE: bench.peer("fastmcp_state", url, TASKS),
        SESSION: bench.peer("fastmcp_session", url, TASKS),
    }
    goals = {"get": ((STATE, 4), (PLAIN, 3), (SCRIPT, 3)), "set": ((STATE, 4), (SESSION, 10), (PLAIN, 3), (SCRIPT, 3))}
    with bench.contest(entries, valkey=True) as contest:
        for operation, peers in goals.items():
            found = contest(operation, tasks=TASKS)
            section.lines += [f"### {operation}", "", *comparison(found, OURS, entries), ""]
            for peer, least in peers:
                measured = f"Valkey, 64 tasks: throughput of `{operation}_x` against {peer}"
                section.at_least(measured, least, partial(found.ratio, peer, OURS))
    yield section
