"""How fast sessions are, beside other things in the same run: `python benchmarks/run.py --help`."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench import Bench
from measure import machine
from report import Section, goals_table
from sections import growth, memory, postgres, sqlite, valkey
from servers import Servers

SECTIONS: Final[dict[str, Callable[[Bench], Iterator[Section]]]] = {
    "valkey-1": valkey.one_task,
    "valkey-64": valkey.many_tasks,
    "valkey-sizes": valkey.sizes,
    "sqlite-1": sqlite.reads,
    "sqlite-64": sqlite.durable,
    "postgres-1": postgres.one_task,
    "postgres-64": postgres.many_tasks,
    "memory": memory.one_task,
    "flat": growth.flat,
    "slide": growth.slide,
    "clients": valkey.clients,
}


def main() -> None:
    """Measure, print, and write the report if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"all, or some of: {', '.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="few rounds and small sizes, for a look")
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out; they are installed otherwise")
    parser.add_argument("--rounds", type=int, help="how many rounds count")
    parser.add_argument("--span", type=float, help="how many seconds a contestant's part of a round takes")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the report there too")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}")
    rounds = options.rounds or (5 if options.quick else 9)
    span = options.span or (0.1 if options.quick else 0.2)
    found: list[Section] = []
    with ExitStack() as stack:
        bench = Bench(Servers(stack), rounds, span, peers=not options.no_peers, quick=options.quick)
        for name in options.sections or SECTIONS:
            print(f"==> {name}", file=sys.stderr, flush=True)
            found += SECTIONS[name](bench)
    lines = ["# Measured", "", f"{machine()}; {rounds} rounds, alternatives interleaved.", "", "## Goals", ""]
    lines += goals_table(found)
    for section in found:
        lines += ["", f"## {section.title}", "", *section.lines]
    text = "\n".join(lines).rstrip() + "\n"
    print(text, end="")
    if options.write:
        options.write.write_text(text)


if __name__ == "__main__":
    main()
