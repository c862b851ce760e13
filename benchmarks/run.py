"""How fast sessions are, beside other things in the same run: `python benchmarks/run.py --help`."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench import Bench
from machine import described
from places import Servers
from report import Section, goals_table
from sections import calls, contention, generator, growth, memory, migration, postgres, scaling, sqlite, valkey, wire

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
    "tool-calls": calls.over_http,
    "generator": generator.compiler,
}


def measured(options: argparse.Namespace) -> Iterator[str]:
    """Measure, and yield the lines of the report."""
    quick = options.quick
    rounds, span, scale = options.rounds or (7 if quick else 11), options.span or 0.1, options.scale or 1.0
    if quick:
        span, scale = options.span or 0.05, options.scale or 0.1
    names = options.sections or list(SECTIONS)
    found: list[Section] = []
    with ExitStack() as stack:
        bench = Bench(Servers(stack), rounds, span, peers=not options.no_peers, scale=scale)
        start = time.monotonic()
        for name in names:
            print(f"==> {name}", file=sys.stderr, flush=True)
            found += SECTIONS[name](bench)
        minutes = (time.monotonic() - start) / 60
        about = described(bench.servers, with_peers=bench.peers)
    yield from ("# Measured", "", *about)
    yield from (
        f"{rounds} rounds of {span:g} seconds each, alternatives interleaved; {minutes:.0f} minutes in all.",
        "",
    )
    yield from ("## Goals", "", *goals_table(found))
    for section in found:
        while section.lines and not section.lines[-1]:
            section.lines.pop()
        yield from ("", f"## {section.title}", "", *section.lines)


def main() -> None:
    """Measure, print, and write the report if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"all, or some of: {', '.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="few rounds and small sizes, for a look")
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out; they are installed otherwise")
    parser.add_argument("--rounds", type=int, help="how many rounds count")
    parser.add_argument("--span", type=float, help="how many seconds a contestant's part of a round takes")
    parser.add_argument("--scale", type=float, help="what sizes are multiplied by")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the report there too")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}")
    text = "\n".join(measured(options)) + "\n"
    print(text, end="")
    if options.write:
        options.write.write_text(text)


if __name__ == "__main__":
    main()
