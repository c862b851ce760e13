"""`mcp-sessiongen sessions stats`."""

import json
import time as clock
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from mcp_sessiongen.commands.sessions.options import Place, store_options
from mcp_sessiongen.commands.sessions.table import Column, Table
from mcp_sessiongen.commands.sessions.units import iso, size, time
from mcp_sessiongen.commands.shared import Reporter, count
from mcp_sessiongen.commands.stores import perform, progress_bar

if TYPE_CHECKING:
    from mcp_sessions.admin import Stats

_BAR: Final = 40

_COLUMNS: Final = (
    Column("SCHEMA", flexible=True),
    Column("SESSIONS", is_number=True),
    Column("OWNERS", is_number=True),
    Column("SIZE", is_number=True),
    Column("LARGEST", is_number=True),
    Column("OLDEST", is_number=True),
    Column("NEXT EXPIRY", is_number=True),
    Column("VERSIONS"),
)

_HELP: Final = """Count the sessions of a store: by schema, by size, and how many owners they have.

All sessions are read, though not their values. More than 4000 owners are counted to within some percent.

\b
Examples:
  mcp-sessiongen sessions stats
  mcp-sessiongen sessions stats --format json | jq .by_schema.cart.sessions
"""


@click.command(help=_HELP, short_help="Count sessions by schema and size.")
@store_options
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(place: Place, form: str) -> None:
    """Do what the help says."""
    from mcp_sessiongen.terminal import say

    stats = perform(Reporter("text" if form == "table" else "json"), lambda: _counted(place))
    if form == "json":
        say(json.dumps(_json_of(stats), indent=2))
        return
    for line in _lines(stats):
        say(line)


async def _counted(place: Place) -> "Stats":
    from mcp_sessions.admin import statistics

    async with place.opened() as store:
        with progress_bar(await store.count()) as bar:
            return await statistics(store, progress=bar.update)


def _lines(stats: "Stats") -> Iterator[str]:
    if not stats.sessions:
        yield "no sessions"
        return
    about = "" if stats.are_owners_exact else "about "
    inside = f", {stats.children} of them in an MCP session" if stats.children else ""
    yield f"{count(stats.sessions, 'session')}{inside}; {size(stats.bytes)}"
    without = f"; {count(stats.ownerless, 'session')} without one" if stats.ownerless else ""
    yield f"{about}{count(stats.owners, 'owner')}{without}"
    yield ""
    now = clock.time()
    rows = []
    for name, one in stats.by_schema.items():
        versions = ", ".join(f"{version}: {number}" for version, number in sorted(one.versions.items()))
        ages = (time(now - (one.oldest or now)), time((one.soonest or now) - now))
        sizes = (size(one.bytes), size(one.largest))
        rows.append([name, str(one.sessions), str(one.owners), *sizes, *ages, versions])
    yield from Table(_COLUMNS).lines(rows)
    yield ""
    most = max(stats.sizes.values())
    for bound, number in stats.sizes.items():
        bar = "#" * max(1, round(_BAR * number / most))
        yield f"up to {size(bound):>8}  {bar:<{_BAR}}  {number}"


def _json_of(stats: "Stats") -> dict[str, Any]:
    by_schema = {
        name: {
            "sessions": one.sessions,
            "owners": one.owners,
            "bytes": one.bytes,
            "largest": one.largest,
            "oldest": iso(one.oldest),
            "next_expiry": iso(one.soonest),
            "versions": {str(version): number for version, number in sorted(one.versions.items())},
        }
        for name, one in stats.by_schema.items()
    }
    return {
        "sessions": stats.sessions,
        "children": stats.children,
        "bytes": stats.bytes,
        "owners": stats.owners,
        "are_owners_exact": stats.are_owners_exact,
        "ownerless": stats.ownerless,
        "by_schema": by_schema,
        "sizes": [{"up_to": bound, "sessions": number} for bound, number in stats.sizes.items()],
    }
