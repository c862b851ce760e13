"""Valkey: one task and 64 of them, against the raw client and the peers."""

from collections.abc import Iterator

from bench import Bench
from report import Section, comparison

OURS, SCRIPT, PLAIN = "accessor", "redis-py, one script", "redis-py, plain command"
SESSION, STATE = "FastMCP Session", "FastMCP get_state, set_state"
GLIDE = "valkey-glide, the same script"
TASKS = 64
SIZES = {"16 KiB": (1 << 14, 1.6, 6), "128 KiB": (1 << 17, 6, 28), "1 MiB": (1 << 20, 45, 200)}
"""Sizes of the other keys, with how many times faster than FastMCP's Session a get and a set are to be."""


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
            section.no_slower(measured, found, OURS, SCRIPT, 1.15)
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
                section.faster(measured, found, OURS, peer, least)
    yield section


def sizes(bench: Bench) -> Iterator[Section]:
    """Compare one task with those that keep a session as one document, as sessions grow."""
    url = bench.servers.valkey.url
    for size, (other, *least) in SIZES.items():
        section = Section(f"Valkey, 1 task, {size} of other keys in the session, small objects")
        entries = {
            OURS: bench.ours(url, other=other),
            SESSION: bench.peer("fastmcp_session", url, other=other),
            "starsessions, load and save": bench.peer("starsessions_redis", url, other=other),
            "mcpstate": bench.peer("mcpstate_handles", url, other=other),
            STATE: bench.peer("fastmcp_state", url, other=other),
            "py-key-value": bench.peer("key_value", url, other=other),
        }
        with bench.contest(entries, valkey=True) as contest:
            for operation, times in zip(("get", "set"), least, strict=True):
                found = contest(operation)
                section.lines += [f"### {operation}", "", *comparison(found, OURS, entries), ""]
                measured = f"Valkey, 1 task, {size} of other keys: `{operation}_x` against FastMCP Session"
                section.faster(measured, found, OURS, SESSION, times)
        yield section


def clients(bench: Bench) -> Iterator[Section]:
    """Compare the client libraries of Valkey, one script on each."""
    url = bench.servers.valkey.url
    for tasks in (1, TASKS):
        section = Section(f"Clients of Valkey: redis-py and valkey-glide, {tasks} task{'s' if tasks > 1 else ''}")
        entries = {
            SCRIPT: bench.raw("redis_script", url, tasks),
            GLIDE: bench.peer("glide_script", url, tasks),
            OURS: bench.ours(url, tasks),
        }
        with bench.contest(entries, valkey=True) as contest:
            for operation in ("get", "set"):
                found = contest(operation, tasks=tasks)
                section.lines += [f"### {operation}", "", *comparison(found, SCRIPT, entries), ""]
        yield section
