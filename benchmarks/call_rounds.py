"""Rounds of tool calls, all kinds of calls in turns, and the tables that they make."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from contest import Stat
from served import MOST_CONNECTIONS, Round, Server

CONNECTIONS: Final = (1, MOST_CONNECTIONS)
PLAIN: Final = "plain"


@dataclass(frozen=True)
class Size:
    """How much is measured: so many rounds, of so many calls of each kind."""

    rounds: int = 15
    calls: int = 96


@dataclass(frozen=True)
class Calls:
    """One kind of call: which tool of which server, by clients of which era, over how many connections."""

    server: str
    tool: str
    era: str
    connections: int

    @property
    def of(self) -> str:
        """Whose calls they are, in words."""
        return f"{self.era} clients, {self.connections} connection{'s' * (self.connections > 1)}"

    @property
    def plain(self) -> "Calls":
        """The same without a session."""
        return replace(self, tool=PLAIN)


Found: TypeAlias = dict[Calls, list[Round]]


def measure(servers: Mapping[str, tuple[Server, Sequence[str]]], eras: Sequence[str], size: Size) -> Found:
    """Have all tools of servers called, in turns: each once before it counts, and every other round goes backwards."""
    kinds = [
        Calls(name, tool, era, connections)
        for connections in CONNECTIONS
        for era in eras
        for name, (_, tools) in servers.items()
        for tool in tools
        if not (tool == "visit_state" and era == "modern")  # such state is of a connection, and there is none
    ]
    found: Found = {kind: [] for kind in kinds}
    for number in range(-1, size.rounds):
        for kind in kinds if number % 2 else reversed(kinds):
            outcome = servers[kind.server][0].round(kind.tool, kind.era, kind.connections, size.calls)
            if number >= 0:
                found[kind].append(outcome)
    return found


def added(found: Found, calls: Calls, base: Calls) -> Stat:
    """Return how much longer processors work for a call than for another, as a share of it, round by round."""
    return Stat.of([one.cpu / other.cpu - 1 for one, other in zip(found[calls], found[base], strict=True)])


def share(stat: Stat) -> str:
    """Return what was added, in words: its median and quartiles."""
    return f"{stat.median:+.0%} ({stat.low:+.0%} to {stat.high:+.0%})"


def tables(found: Found) -> Iterator[str]:
    """Yield a table for each era and number of connections, its rows next to a plain tool and to the first row."""
    for of in dict.fromkeys(kind.of for kind in found):
        rows = [kind for kind in found if kind.of == of]
        yield from (f"{of.capitalize()}:", "")
        yield f"| | processor time | added to `plain` | added to {rows[0].server} | p50, p95 | calls/s |"
        yield "| --- | --- | --- | --- | --- | --- |"
        for kind in rows:
            yield _row(found, kind, rows[0])
        yield ""


def _row(found: Found, kind: Calls, first: Calls) -> str:
    runs = found[kind]
    latencies = [seconds * 1000 for run in runs for seconds in run.load.latencies]
    p50, p95 = statistics.median(latencies), statistics.quantiles(latencies, n=20)[-1]
    cells = [
        f"{kind.server}, {kind.tool}",
        f"{statistics.median(run.cpu for run in runs) * 1000:.2f} ms",
        "" if kind.tool == PLAIN else share(added(found, kind, kind.plain)),
        "" if kind == first else share(added(found, kind, first)),
        f"{p50:.1f}, {p95:.1f} ms",
        f"{statistics.median(len(run.load.latencies) / run.load.seconds for run in runs):,.0f}",
    ]
    return f"| {' | '.join(cells)} |"
