"""What idle sessions take in Valkey: a million of a small schema, and fewer of others beside them."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bench import Bench
from report import Section
from sizes import SMALL, create, valkey

KINDS: Final[Mapping[str, tuple[int, Mapping[str, bytes]]]] = {
    "empty": (100_000, {}),
    "one number": (1_000_000, {"visits": b"12"}),
    "three keys": (100_000, SMALL),
}
"""How many sessions of each kind there are, and what they hold."""
MOST: Final = 400
SOME: Final = 10_000
"""How many are made before their handles are forgotten: a million would keep the collector of garbage busy."""


def idle(bench: Bench) -> Iterator[Section]:
    """Fill an empty server with sessions of each kind in turn; what it has in use is what it says itself."""
    section = Section(
        "Bytes of an idle session in Valkey", ["| session | sessions | bytes each |", "| --- | --- | --- |"]
    )
    for kind, (usual, values) in KINDS.items():
        number = bench.scaled(usual)
        each = asyncio.run(_each(bench.servers.valkey, number, values))
        section.lines.append(f"| {kind} | {number:,} | {each:.0f} |")
        if kind == "one number":
            measured = f"{number:,} idle sessions of a small schema in Valkey, {kind}: bytes each"
            section.is_so(measured, f"at most {MOST} B", f"{each:.0f} B", reached=each <= MOST)
    with bench.servers.valkey.client() as client:
        client.execute_command("FLUSHALL", "SYNC")  # the sections after this one have the server to themselves
    yield section


async def _each(server: Any, number: int, values: Mapping[str, bytes]) -> float:
    async with valkey(server) as (store, used):
        await create(store, 100, None, SMALL, 600.0)  # what is there once for all
        before = used()
        for done in range(0, number, SOME):
            await create(store, min(SOME, number - done), None, values, 3600.0)
        return (used() - before) / number
