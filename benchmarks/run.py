"""How fast sessions are, beside other things in the same run: `python benchmarks/run.py --help`."""

import argparse
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench import Bench
from machine import described
from places import Servers
from report import Goal, Section, goals_table
from sections import (
    calls,
    contention,
    generator,
    growth,
    memory,
    migration,
    postgres,
    scaling,
    sessions,
    sqlite,
    valkey,
    wire,
)

SECTIONS: Final[dict[str, Callable[[Bench], Iterator[Section]]]] = {
    "wire": wire.counts,
    "flat": growth.flat,
    "valkey-1": valkey.one_task,
    "valkey-64": valkey.many_tasks,
    "valkey-sizes": valkey.sizes,
    "sqlite-1": sqlite.reads,
    "sqlite-64": sqlite.durable,
    "postgres-1": postgres.one_task,
    "postgres-64": postgres.many_tasks,
    "memory": memory.one_task,
    "increments": contention.increments,
    "updates": contention.updates,
    "slide": growth.slide,
    "migration": migration.rates,
    "clients": valkey.clients,
    "carried": scaling.carried,
    "cluster": scaling.shared,
    "sessions": sessions.idle,
    "tool-calls": calls.over_http,
    "generator": generator.compiler,
}

OTHERS: Final = (
    f"but generator: {generator.ROUNDS} rounds, of which the range is told, migration: {migration.ROUNDS}, "
    "tool-calls: as many as it says, and what is counted is counted once"
)
"""What the rounds of a run are not those of."""


def tried(name: str, bench: Bench) -> Iterator[Section]:
    """Yield what a section finds; where it fails, say so, and let the others go on."""
    print(f"==> {name}", file=sys.stderr, flush=True)
    try:
        yield from SECTIONS[name](bench)
    except Exception as error:
        why = f"not measured: {type(error).__name__}: {' '.join(str(error).split())}"
        print(f"    {why}", file=sys.stderr, flush=True)
        yield Section(f"Section {name}", [why], [Goal(f"section {name}", "-", why.replace("|", "/"), None)])


def measured(bench: Bench, names: Sequence[str]) -> Iterator[Section]:
    """Measure sections until all are through or somebody interrupts."""
    try:
        for name in names:
            yield from tried(name, bench)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr, flush=True)


def report(bench: Bench, found: Sequence[Section], minutes: float) -> Iterator[str]:
    """Yield the lines of the report."""
    yield from ("# Measured", "", *described(bench.servers, with_peers=bench.peers))
    rounds = f"{bench.rounds} rounds of {bench.span:g} seconds each"
    yield f"{rounds}, alternatives interleaved ({OTHERS}); {minutes:.0f} minutes in all."
    yield from ("", "## Goals", "", *goals_table(found))
    for section in found:
        while section.lines and not section.lines[-1]:
            section.lines.pop()
        yield from ("", f"## {section.title}", "", *section.lines)


def parsed() -> argparse.Namespace:
    """Return the options, with what --quick means put in where nothing else is said."""
    parser = argparse.ArgumentParser(description="How fast sessions are, beside other things in the same run.")
    parser.add_argument("sections", nargs="*", metavar="section", help=f"all, or some of: {', '.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="few rounds and small sizes, for a look")
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out; they are installed otherwise")
    parser.add_argument("--rounds", type=int, help="how many rounds count")
    parser.add_argument("--span", type=float, help="how many seconds a contestant's part of a round takes")
    parser.add_argument("--scale", type=float, help="what sizes are multiplied by")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the report there too")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}; there are: {', '.join(SECTIONS)}")
    for name, usual, quick in (("rounds", 11, 7), ("span", 0.1, 0.05), ("scale", 1.0, 0.1)):
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else usual)
        if not 0 < getattr(options, name) < math.inf:
            parser.error(f"--{name} has to be above 0, and is {getattr(options, name)}")
    return options


def main() -> None:
    """Measure, print, and write the report if asked to."""
    options = parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that servers are stopped
    with ExitStack() as stack:
        bench = Bench(Servers(stack), options.rounds, options.span, peers=not options.no_peers, scale=options.scale)
        start = time.monotonic()
        found = list(measured(bench, options.sections or list(SECTIONS)))
        text = "\n".join(report(bench, found, (time.monotonic() - start) / 60)) + "\n"
        print(text, end="", flush=True)
        if options.write:
            options.write.write_text(text)


if __name__ == "__main__":
    main()
