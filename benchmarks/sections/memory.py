"""The memory store, and what FastMCP takes in memory."""

from collections.abc import Iterator

from bench import Bench
from report import Section, comparison

OURS = "accessor"


def one_task(bench: Bench) -> Iterator[Section]:
    """Measure a get and a set of a number."""
    section = Section("Memory, 1 task")
    entries = {
        OURS: bench.ours("memory"),
        "FastMCP Session": bench.peer("fastmcp_session", "memory"),
        "FastMCP get_state, set_state": bench.peer("fastmcp_state", "memory"),
    }
    with bench.contest(entries) as contest:
        for operation, most in (("get", 3), ("set", 5)):
            found = contest(operation)
            section.lines += [f"### {operation}", "", *comparison(found, OURS, entries), ""]
            # nothing waits, so the processor's time is that on the clock where nobody disturbs
            section.below(f"memory: `{operation}_x` of a number, of the processor", found, OURS, most)
        for operation in ("increment", "update"):
            found = contest(operation)
            section.lines += [f"### {operation}", "", *comparison(found, OURS, [OURS]), ""]
    yield section
