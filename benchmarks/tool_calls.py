"""What a session costs in a tool call over HTTP, as ratios of one run: `python benchmarks/tool_calls.py --help`."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent))

import environments
from call_rounds import CONNECTIONS, PLAIN, Calls, Found, Size, added, measure, share, tables
from contest import Stat
from measure import machine
from places import Servers
from report import Goal
from served import ERAS, fastmcp_server, sdk_server

GOALS: Final = {"memory": 0.08, "Valkey": 0.25}
"""How much a get and a set may add to the processor time of a call, by the store."""

QUICK: Final = Size(rounds=3, calls=32)
BOTH: Final = (PLAIN, "visit")
_TOOLS: Final = (
    "`plain` answers without a session, `visit` gets one value and sets it; the session has 1 KiB of other state, and "
    "every connection a session of its own. Processor time is that of the server's process for one call. What is added "
    "is a ratio within each round: the median of the rounds, and their quartiles."
)


def sections(options: argparse.Namespace, servers: Servers, reached: list[Goal] | None = None) -> Iterator[str]:
    """Yield the lines of the report.

    Args:
        options: Whether it is to be ``quick``, and to leave FastMCP and uvloop out (``no_peers``).
        servers: Those that have the sessions.
        reached: Where to put the goals, and what was found.
    """
    size = QUICK if options.quick else Size()
    yield from ("# A tool call over HTTP, measured", "")
    yield from (f"{machine()}; {size.rounds} rounds of {size.calls} calls of each kind, in turns.", "", _TOOLS, "")
    valkey = servers.valkey.url
    found = stores(servers, size)
    aims = goals(found)
    if reached is not None:
        reached += aims
    yield from (
        "## Goals",
        "",
        "| server CPU added by one get and one set | goal | found | |",
        "| --- | --- | --- | --- |",
    )
    for aim in aims:
        yield f"| {aim.measured} | {aim.goal} | {aim.found} | {'reached' if aim.reached else 'not reached'} |"
    yield from ("", "## By the store", "", *tables(found))
    python = None if options.no_peers else environments.peers()
    if python is None:
        why = "were left out" if options.no_peers else "could not be installed"
        yield from (f"FastMCP and uvloop are not measured: they {why}.", "")
    else:
        yield from ("## FastMCP's sessions", "", *_there(partial(peers, valkey, python, size)))
        yield from ("## Event loops", "", *_there(partial(loops, valkey, python, size)))
    yield from ("## OpenTelemetry and encryption", "", *tables(extras(valkey, size)))


def _there(measured: Callable[[], Found]) -> Iterator[str]:
    """Yield the tables of what needs the peers, of which some may be missing."""
    try:
        found = measured()
    except RuntimeError as error:
        yield from (f"Not measured: {error}.", "")
    else:
        yield from tables(found)


def stores(servers: Servers, size: Size) -> Found:
    """Call servers that have their sessions in each store, and one that has none at all."""
    urls = {"memory": "memory://", "Valkey": servers.valkey.url, "SQLite": f"sqlite:///{servers.path()}"}
    urls["PostgreSQL"] = servers.postgres.url
    with ExitStack() as stack:
        those = {name: (stack.enter_context(sdk_server("--store", url)), BOTH) for name, url in urls.items()}
        bare = {"the SDK alone": (stack.enter_context(sdk_server()), BOTH[:1])}
        return measure({**bare, **those}, list(ERAS), size)


def peers(valkey: str, python: Path, size: Size) -> Found:
    """Call FastMCP's sessions, and the state of its connections; and ours beside them."""
    with ExitStack() as stack:
        theirs = stack.enter_context(fastmcp_server(valkey, python))
        ours = stack.enter_context(sdk_server("--store", valkey, python=python))
        servers = {"FastMCP": (theirs, (*BOTH, "visit_state")), "ours": (ours, BOTH)}
        return measure(servers, list(ERAS), size)


def loops(valkey: str, python: Path, size: Size) -> Found:
    """Call one server under both event loops."""
    with ExitStack() as stack:
        servers = {
            name: (stack.enter_context(sdk_server("--store", valkey, "--loop", name, python=python)), BOTH)
            for name in ("asyncio", "uvloop")
        }
        return measure(servers, ["modern"], size)


def extras(valkey: str, size: Size) -> Found:
    """Call a server with nothing, with OpenTelemetry, and with encryption."""
    with ExitStack() as stack:
        wanted = {"neither": (), "OpenTelemetry": ("--watched",), "encryption": ("--encrypted",)}
        servers = {
            name: (stack.enter_context(sdk_server("--store", valkey, *arguments)), BOTH)
            for name, arguments in wanted.items()
        }
        return measure(servers, ["modern"], size)


def goals(found: Found) -> list[Goal]:
    """Return what is to be reached by the stores: with one client at a time, and with many."""
    visits = [Calls(store, "visit", era, number) for store in GOALS for era in ERAS for number in CONNECTIONS]
    return [_goal(visit, added(found, visit, visit.plain)) for visit in visits]


def _goal(visit: Calls, found: Stat) -> Goal:
    most = GOALS[visit.server]
    return Goal(f"{visit.server}, {visit.of}", f"{most:+.0%}", share(found), found.median <= most, found.has(most))


def main() -> None:
    """Measure, print, and write the report if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK.rounds} rounds of {QUICK.calls} calls")
    parser.add_argument("--no-peers", action="store_true", help="leave FastMCP and uvloop out; they are installed else")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the report there too")
    options = parser.parse_args()
    lines = []
    with ExitStack() as stack:
        for line in sections(options, Servers(stack)):
            print(line, flush=True)
            lines.append(line)
    if options.write:
        options.write.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
