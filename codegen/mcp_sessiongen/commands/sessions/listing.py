"""`mcp-sessiongen sessions list`."""

import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from mcp_sessiongen.commands.sessions.choosing import whole_store
from mcp_sessiongen.commands.sessions.options import Place, Wanted, filter_options, store_options
from mcp_sessiongen.commands.shared import Reporter
from mcp_sessiongen.commands.stores import perform

if TYPE_CHECKING:
    from mcp_sessions.admin import Filters, Summary
    from mcp_sessions.stores import Store

_ROWS: Final = 100
"""How many sessions are shown on a terminal, unless something else is said."""

_KEYS: "Final[dict[str, Callable[[Summary], Any]]]" = {
    "age": lambda one: one.created,
    "idle": lambda one: -1.0 if one.idle is None else one.idle,
    "expires": lambda one: one.expires,
    "size": lambda one: one.size,
    "schema": lambda one: (one.schema, one.masked),
}
"""What sessions are sorted by."""

_LARGEST_FIRST: Final = ("idle", "size")


@dataclass(frozen=True)
class _Order:
    """How many sessions are shown, and which come first; None for the store's order, and for all."""

    sort: str | None
    most: int | None


_HELP: Final = """List the sessions that are live.

IDLE is the time since the last use, to within a sixtieth of the idle lifetime; "-" where it cannot be told. What is
the SDK's own is called "MCP session" and "events". JSON has seconds, bytes, and times in UTC; jsonl is one object a
line. Sessions are printed as they are read, however many there are; --sort without --limit keeps them all.

\b
Examples:
  mcp-sessiongen sessions list --schema cart --idle 10m
  mcp-sessiongen sessions list --larger-than 1MiB --sort size --limit 10
  mcp-sessiongen sessions list --format jsonl | jq .size
"""


@click.command(help=_HELP, short_help="List the sessions that are live.")
@store_options
@filter_options
@click.option("--sort", type=click.Choice(list(_KEYS)), help="Oldest, longest idle, soonest over or largest first.")
@click.option("--limit", type=click.IntRange(0), help="How many at most; 0 for all. On a terminal, 100 by default.")
@click.option("--ids", is_flag=True, help="Show whole ids. Whoever has one can use the session: mind who sees them.")
@click.option("--format", "form", type=click.Choice(["table", "json", "jsonl"]), default="table", show_default=True)
def command(place: Place, wanted: Wanted, sort: str | None, limit: int | None, ids: bool, form: str) -> None:
    """Do what the help says."""
    from mcp_sessiongen.commands.sessions.rows import Printer

    reporter, printer = Reporter("text" if form == "table" else "json"), Printer(form, ids=ids)
    is_watched = form == "table" and sys.stdout.isatty()
    order = _Order(sort, _ROWS if limit is None and is_watched else limit or None)
    is_cut_off = perform(reporter, lambda: _list(place, wanted, order, printer.add))
    printer.finish()
    if form == "table" and not printer.count:
        reporter.tell("no sessions" if wanted.is_all else "no such sessions")
    if is_cut_off and limit is None:
        reporter.note(f"only {printer.count} sessions are shown; --limit 0 shows all")


async def _list(place: Place, wanted: Wanted, order: _Order, show: "Callable[[Summary], None]") -> bool:
    """Show the sessions that are wanted; return whether there are more."""
    from mcp_sessions.admin import summaries

    async with place.opened() as store:
        filters, count = wanted.filters(), 0
        async for one in summaries(store, filters) if order.sort is None else _sorted(store, filters, order):
            if count == order.most:
                return True
            show(one)
            count += 1
    return False


async def _sorted(store: "Store", filters: "Filters", order: _Order) -> "AsyncIterator[Summary]":
    """Give sessions in another order; where there is a limit, only the first ones are kept, and one more."""
    from mcp_sessions.admin import summaries

    key, is_reversed = _KEYS[order.sort or "age"], order.sort in _LARGEST_FIRST
    kept: list[Summary] = []
    async with whole_store(store) as bar:
        async for one in summaries(store, filters, progress=bar.update):
            kept.append(one)
            if order.most is not None and len(kept) > 2 * order.most + 1000:
                kept = sorted(kept, key=key, reverse=is_reversed)[: order.most + 1]
    for one in sorted(kept, key=key, reverse=is_reversed):
        yield one
