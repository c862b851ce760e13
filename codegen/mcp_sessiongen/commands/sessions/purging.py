"""`mcp-sessiongen sessions purge`."""

import json
from typing import TYPE_CHECKING, Final

import click

from mcp_sessiongen.commands.sessions.options import Place, store_options
from mcp_sessiongen.commands.shared import Reporter, count, quiet_option
from mcp_sessiongen.commands.stores import perform

if TYPE_CHECKING:
    from collections.abc import Callable

_BATCH: Final = 1000
_EMPTY: Final = 5
"""After how many batches without a session it is over: what is removed besides, as what is left of sessions that ended,
is not told."""

_HELP: Final = """Remove what is left of sessions that have expired, a batch after the other.

A server does so by itself, and tells its hooks; stores do so too, a while later. This is for a store whose servers have
stopped. Hooks are not called for what is purged here.

\b
Example:
  mcp-sessiongen sessions purge --store sqlite:////data/sessions.db
"""


@click.command(help=_HELP, short_help="Remove what is left of expired sessions.")
@store_options
@quiet_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(place: Place, quiet: bool, form: str) -> None:
    """Do what the help says."""
    from mcp_sessiongen.terminal import progress, say

    reporter = Reporter(form, quiet)
    with progress("removed", quiet=quiet) as step:
        purged = perform(reporter, lambda: _purge(place, lambda total: step(count(total, "session"))))
    if form == "json":
        say(json.dumps({"purged": purged}))
    else:
        reporter.tell(f"{count(purged, 'expired session')} removed")


async def _purge(place: Place, step: "Callable[[int], None]") -> int:
    total = empty = 0
    async with place.opened(changes=True) as store:
        while empty < _EMPTY:
            gone = await store.purge_expired(_BATCH)
            total += len(gone)
            empty = 0 if gone else empty + 1
            step(total)
    return total
