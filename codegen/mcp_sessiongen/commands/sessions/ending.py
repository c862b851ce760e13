"""`mcp-sessiongen sessions end`."""

import json
import re
import sys
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

import click

from mcp_sessiongen.commands.sessions.choosing import chosen, texts_of, whole_store
from mcp_sessiongen.commands.sessions.options import Place, Wanted, filter_options, store_options
from mcp_sessiongen.commands.shared import Reporter, count
from mcp_sessiongen.commands.stores import perform, progress_bar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp_sessions.admin import Summary
    from mcp_sessions.stores import Store

_SHOWN: Final = 10
_OWNER: Final = re.compile("[0-9a-f]{8,64}")
"""As much of an owner's hash as lists show: with less, others might be meant too."""

_HELP: Final = """End sessions: those that are named, or all that the filters let through.

What they held is gone at once, and their clients are told that they were ended. An MCP session ends with all that is
kept in it. Hooks that a server has for ends of sessions are not called: a server's own  sessions.end  does that.

ID is as for show; - reads ids from stdin, one a line. You are asked before anything is done, unless with --yes; what
begins while you think about it is not ended.

\b
Examples:
  mcp-sessiongen sessions end cart_e52x
  mcp-sessiongen sessions end --owner 4f1c09ab --dry-run
  mcp-sessiongen sessions end --schema wizard --idle 1d --yes
"""


@dataclass
class _Outcome:
    """What became of the sessions."""

    ended: int = 0
    gone: int = 0
    not_found: int = 0
    dry_run: bool = False


@click.command(help=_HELP, short_help="End sessions, by id or by filter.")
@click.argument("sessions", metavar="[ID...]", nargs=-1)
@store_options
@filter_options
@click.option("--dry-run", is_flag=True, help="Only show which would be ended.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(place: Place, sessions: tuple[str, ...], wanted: Wanted, dry_run: bool, yes: bool, form: str) -> None:
    """Do what the help says."""
    if not sessions and wanted.is_all:
        raise click.UsageError("Name sessions, or say which with --schema, --owner, --idle and the like.")
    if sessions and any(value is not None for name, value in wanted.given.items() if name != "schema"):
        raise click.UsageError("Name sessions or use filters, not both; only --schema tells sessions of one id apart.")
    if "-" in sessions and not (yes or dry_run):
        raise click.UsageError("With ids on stdin nobody can be asked: add --yes, or --dry-run to see what would be.")
    _require_owner(wanted.given["owner"])
    reporter = Reporter(form)
    job = _Job(place, texts_of(sessions), wanted, reporter)
    found = perform(reporter, job.look)
    outcome = _Outcome(found.total, 0, found.missing, dry_run)
    if found.total:
        _ask(found, reporter, dry_run=dry_run, yes=yes)
        if not dry_run:
            outcome.ended, outcome.gone = perform(reporter, lambda: job.end(found))
    _tell(outcome, reporter)
    if outcome.not_found:
        sys.exit(1)


def _require_owner(owner: str | None) -> None:
    """Refuse so little of an owner that it may be several.

    Raises:
        click.UsageError: If it is.
    """
    if owner not in (None, "none") and not _OWNER.fullmatch(owner or ""):
        raise click.UsageError(f"To end sessions, --owner takes none, or 8 to 64 hex digits of a hash; got {owner!r}.")


def _tell(outcome: _Outcome, reporter: Reporter) -> None:
    from mcp_sessiongen.terminal import say

    if reporter.form == "json":
        say(json.dumps(asdict(outcome)))
        return
    meanwhile = f", {outcome.gone} over meanwhile" if outcome.gone else ""
    reporter.tell(f"{count(outcome.ended, 'session')} {'would be ended' if outcome.dry_run else 'ended'}{meanwhile}")


@dataclass
class _Found:
    """What is to be ended.

    Attributes:
        total: How many sessions.
        first: The first of them; all, where they are named.
        known: What tells those that the filters let through from any others, also from later ones of the same id.
        missing: How many of those that are named there are not.
    """

    total: int = 0
    first: "list[Summary]" = field(default_factory=list)
    known: set[tuple[str, float]] = field(default_factory=set)
    missing: int = 0

    def add(self, one: "Summary") -> None:
        """Count one that the filters let through."""
        self.total += 1
        self.known.add((one.reference, one.created))
        if len(self.first) < _SHOWN:
            self.first.append(one)


@dataclass(frozen=True)
class _Job:
    """The two parts of the work; between them somebody is asked, while nothing else waits for that."""

    place: Place
    named: list[str]
    wanted: Wanted
    reporter: Reporter

    async def look(self) -> _Found:
        """Return what there is to be ended."""
        from mcp_sessions.admin import summaries

        found = _Found()
        async with self.place.opened() as store:
            for text in self.named:
                some = await chosen(store, text, self.wanted.given["schema"], self.reporter)
                found.missing += not some
                found.first += [one for one in some if all(one.address != other.address for other in found.first)]
            found.total = len(found.first)
            if not self.named:
                async with whole_store(store) as bar:
                    async for one in summaries(store, self.wanted.filters(), progress=bar.update):
                        found.add(one)
        return found

    async def end(self, found: _Found) -> tuple[int, int]:
        """End what was looked at, if the filters still let it through; return how many were ended, and were gone."""
        from mcp_sessions.admin import end

        ended = gone = 0
        addresses = {one.address for one in found.first} if self.named else set()
        async with self.place.opened(changes=True) as store:
            with progress_bar(found.total) as bar:
                async for one in self._looked_at(store, found):
                    is_ended = await end(store, one.address)
                    is_ended = is_ended or (one.address.has_parent and one.address.parent in addresses)
                    ended += is_ended
                    gone += not is_ended
                    bar.update(1)
        return ended, gone

    async def _looked_at(self, store: "Store", found: _Found) -> "AsyncIterator[Summary]":
        """Give again what was found, without what has begun since: nobody was asked about that."""
        from mcp_sessions.admin import summaries

        if self.named:
            for one in found.first:
                yield one
            return
        async for one in summaries(store, self.wanted.filters()):
            if (one.reference, one.created) in found.known:
                yield one


def _ask(found: _Found, reporter: Reporter, *, dry_run: bool, yes: bool) -> None:
    """Show what is going to be ended, and ask whether it may be.

    Raises:
        click.UsageError: If there is nobody to ask.
        click.Abort: If it may not.
    """
    from mcp_sessiongen.commands.sessions.rows import Printer

    if yes and not dry_run:
        return
    if not dry_run and not sys.stdin.isatty():
        raise click.UsageError(f"{count(found.total, 'session')} would be ended, and nobody can be asked: add --yes.")
    is_aside = reporter.form != "text"
    printer = Printer("table", err=is_aside)
    for one in found.first[:_SHOWN]:
        printer.add(one)
    printer.finish()
    if found.total > _SHOWN:
        reporter.note(f"... and {found.total - _SHOWN} more", err=is_aside)
    if not dry_run:
        click.confirm(f"End {count(found.total, 'session')}?", abort=True, err=True)
