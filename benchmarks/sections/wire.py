"""What one accessor call costs on the wire: round trips, statements and bytes, counted by a relay."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, TypeAlias

import relay
from bench import Bench
from generated.bench import BenchSession, Item
from mcp_sessions import Store, open_store
from places import small_objects
from report import Section

Calls: TypeAlias = dict[str, Callable[[BenchSession], Awaitable[object]]]

ITEM: Final = Item(sku="A-10042", qty=3, price=9.5, note="as a gift")
CALLS: Final[Calls] = {
    "set_n": lambda session: session.set_n(7),
    "get_n": lambda session: session.get_n(),
    "has_n": lambda session: session.has_n(),
    "increment_n": lambda session: session.increment_n(),
    "append_items": lambda session: session.append_items(ITEM),
    "get_items": lambda session: session.get_items(),
    "keys": lambda session: session.keys(),
    "snapshot": lambda session: session.snapshot(),
    "touch": lambda session: session.touch(),
    "remove_n": lambda session: session.remove_n(),
    "clear": lambda session: session.clear(),
    "end": lambda session: session.end(),
}
COMPARING: Final[Calls] = {
    "update_n": lambda session: session.update_n(lambda n: n + 1),
    "take_n": lambda session: session.take_n(),
}
"""Those that read, and then compare and set."""


@dataclass(frozen=True)
class Cost:
    """What a call has cost."""

    trips: int
    statements: int
    out: int
    back: int


Meter: TypeAlias = Callable[[], Cost]


async def measured(store: Store, meter: Meter, other: int) -> dict[str, Cost]:
    """Return what each call costs, on a session with so much else."""
    first = await BenchSession.create(store, owner="0" * 64, values={"n": 1})
    for call in {**COMPARING, **CALLS}.values():  # the first of its kind may load a script or prepare a statement
        await first.set_n(1)
        await call(first)
    session = await BenchSession.create(store, owner="0" * 64, values=small_objects(other))
    found = {}
    await session.set_n(1)
    for name, call in {**COMPARING, **CALLS}.items():
        if name == "take_n":
            await session.set_n(1)
        meter()
        await call(session)
        found[name] = meter()
    await store.aclose()
    return found


@contextmanager
def metered(bench: Bench, kind: str, **options: Any) -> Iterator[tuple[Store, Meter]]:
    """Open a store through a relay."""
    if kind == "Valkey":
        server = bench.servers.valkey
        port = bench.servers.free_port()
        with relay.valkey(server.port, port) as traffic:
            yield open_store(f"redis://127.0.0.1:{port}", **options), lambda: _taken(traffic, relay.commands)
    else:
        server = bench.servers.postgres
        folder = bench.servers.folder / f"relay{next(_FOLDERS)}"
        folder.mkdir()
        url = f"postgresql://postgres@/postgres?host={folder}&sslmode=disable&gssencmode=disable"
        with relay.postgres(server.socket, folder / server.socket.name) as traffic:
            yield open_store(url, **options), lambda: _taken(traffic, relay.statements)


_FOLDERS = count()


def _taken(traffic: relay.Traffic, count: Callable[[bytes], int]) -> Cost:
    cost = Cost(traffic.trips, count(bytes(traffic.out)), len(traffic.out), traffic.back)
    traffic.reset()
    return cost


def counts(bench: Bench) -> Iterator[Section]:
    """Count for Valkey and PostgreSQL, with an expiry that stands and one that each call has to move."""
    section = Section("Round trips, statements and bytes of one accessor call")
    for kind in ("Valkey", "PostgreSQL"):
        found: dict[str, dict[str, Cost]] = {}
        for name, other, step in (("1 KiB", 1 << 10, 0), ("1 MiB", 1 << 20, 0), ("moves", 1 << 10, 60)):
            times = count(1_800_000_000, step)
            with metered(bench, kind, clock=lambda times=times: float(next(times))) as (store, meter):
                found[name] = asyncio.run(measured(store, meter, other))
        section.lines += [f"### {kind}", "", *_table(found), ""]
        _goals(section, kind, found)
    section.lines += ["### SQLite", "", *_sqlite(bench)]
    yield section


def _goals(section: Section, kind: str, found: dict[str, dict[str, Cost]]) -> None:
    for what, name, calls in (
        ("any accessor call", "1 KiB", CALLS),
        ("any call that moves the expiry, too", "moves", CALLS),
        ("`update_x` and `take_x`, which read, then compare and set", "1 KiB", COMPARING),
    ):
        costs = {call: found[name][call] for call in calls}
        most = max(max(cost.trips, cost.statements) for cost in costs.values())
        beyond = {call: cost for call, cost in costs.items() if cost.trips + cost.statements > 2}
        told = ", ".join(f"{call}: {cost.trips} and {cost.statements}" for call, cost in beyond.items())
        section.is_so(f"{kind}: round trips and statements of {what}", "1", told or "1", reached=most == 1)
    small, large = found["1 KiB"]["set_n"], found["1 MiB"]["set_n"]
    ratio = (large.out + large.back) / (small.out + small.back)
    measured = f"{kind}: bytes moved by `set_x` with 1 MiB of other keys against 1 KiB"
    section.is_so(measured, "1.0 x", f"{ratio:.2f} x", reached=round(ratio, 1) <= 1.0)


def _table(found: dict[str, dict[str, Cost]]) -> list[str]:
    lines = [
        "| | round trips | statements | bytes out, back: 1 KiB of other keys | 1 MiB | where the expiry moves |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for call, cost in found["1 KiB"].items():
        large, moved = found["1 MiB"][call], found["moves"][call]
        cells = [f"{cost.trips}", f"{cost.statements}", *(f"{one.out:,}, {one.back:,}" for one in (cost, large))]
        cells.append(f"{moved.trips} and {moved.statements}")
        lines.append(f"| {call} | " + " | ".join(cells) + " |")
    return lines


def _sqlite(bench: Bench) -> Sequence[str]:
    """Return the SQL statements of each call, begin and commit included; there are no round trips."""
    log: list[str] = []
    connect = sqlite3.connect

    def traced(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **kwargs)
        connection.set_trace_callback(log.append)
        return connection

    def meter() -> Cost:
        cost = Cost(0, len(log), 0, 0)
        log.clear()
        return cost

    sqlite3.connect = traced  # type: ignore[assignment]  # for this measurement
    try:
        found = asyncio.run(measured(open_store(f"sqlite:///{bench.servers.path()}"), meter, 1 << 10))
    finally:
        sqlite3.connect = connect
    told = ", ".join(f"{call} {cost.statements}" for call, cost in found.items())
    return [f"In the process itself; statements, with `BEGIN` and `COMMIT`: {told}."]
