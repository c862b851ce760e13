"""`mcp-sessiongen sessions doctor`."""

import json
import shutil
import sys
import textwrap
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from mcp_sessiongen.commands.sessions.options import Place, typed_store_options
from mcp_sessiongen.commands.shared import Reporter, count
from mcp_sessiongen.commands.stores import perform, progress_bar

if TYPE_CHECKING:
    from mcp_sessions.admin import Finding
    from mcp_sessions.stores import Limits

_INDENT: Final = 22
_LEAST: Final = 40
_NAMED: Final = 10
"""How many sessions a finding names at most."""

_COLOURS: Final = {"ok": "green", "warning": "yellow", "error": "red"}

_HELP: Final = """Look whether a store, its server and the sessions in it are well; it changes nothing.

\b
  store, server      whether it is reached, and what it is
  eviction, memory, persistence, durability, permissions, integrity, ...
                     whether the server's settings keep sessions safe
  clock              whether its clock and the one here agree
  schemas, newer, older, versions
                     whether the code here has the schemas of all sessions, in versions that fit
  values, sealed, unread
                     whether values fit their keys, can be decrypted, and are of versions that can be checked
  lifetimes          whether sessions live longer than they should
  limits, expired    whether the store fills up

Each value of a session whose schema is at hand is read. --ignore leaves out what is meant to be as it is.

Exits with 1 if anything is not well, and with 2 if the store cannot be reached: made for cron and CI.

\b
Examples:
  mcp-sessiongen sessions doctor --module state.cart
  mcp-sessiongen sessions doctor --ignore persistence --format json
"""


@click.command(help=_HELP, short_help="Look whether store, server and sessions are well.")
@typed_store_options
@click.option("--ignore", metavar="CHECK", multiple=True, help="Leave out a check; may be repeated.")
@click.option(
    "--max-sessions", type=click.IntRange(1), help="The servers' limit of sessions, if it is not the default."
)
@click.option("--max-per-owner", type=click.IntRange(1), help="The same for the sessions of one owner.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    place: Place, ignore: tuple[str, ...], max_sessions: int | None, max_per_owner: int | None, form: str
) -> None:
    """Do what the help says."""
    from mcp_sessiongen.terminal import say

    reporter = Reporter(form)
    found: list[Finding] = []

    seen: set[str] = set()

    def tell(finding: "Finding") -> None:
        seen.add(finding.check)
        if finding.check not in ignore:
            found.append(finding)
            if form == "text":
                _tell(finding)

    perform(reporter, lambda: _diagnose(place, _limits(max_sessions, max_per_owner), reporter, tell))
    _require_checks(ignore, seen, reporter)
    levels = [finding.level for finding in found]
    is_well = levels.count("ok") == len(levels)
    if form == "json":
        say(json.dumps({"is_well": is_well, "findings": [asdict(finding) for finding in found]}, indent=2))
    elif is_well:
        say("\nall is well")
    else:
        errors, warnings = count(levels.count("error"), "error"), count(levels.count("warning"), "warning")
        say(f"\n{errors}, {warnings}")
    if not is_well:
        sys.exit(1)


def _require_checks(ignore: tuple[str, ...], seen: set[str], reporter: Reporter) -> None:
    """Tell which checks are to be ignored that there are not."""
    from mcp_sessiongen.names import did_you_mean
    from mcp_sessions.admin import CHECKS

    known = CHECKS | seen
    for name in ignore:
        if name not in known:
            hint = did_you_mean(name, sorted(known)) or f"there are: {', '.join(sorted(known))}"
            reporter.note(f"note: there is no check {name!r} to ignore; {hint}")


def _limits(sessions: int | None, of_owner: int | None) -> "Limits":
    from dataclasses import replace

    from mcp_sessions.stores.terms import DEFAULT_LIMITS

    given = {"all_sessions": sessions, "owner_sessions": of_owner}
    return replace(DEFAULT_LIMITS, **{name: most for name, most in given.items() if most is not None})


async def _diagnose(place: Place, limits: "Limits", reporter: Reporter, tell: "Callable[[Finding], None]") -> None:
    from mcp_sessions.admin import diagnose

    async with place.opened() as store:
        catalog = place.catalog(reporter)
        with progress_bar(await store.count(), quiet=reporter.form != "text") as bar:
            findings = [one async for one in diagnose(store, catalog, limits=limits, progress=bar.update)]
    for finding in findings:
        tell(finding)


def _tell(finding: "Finding") -> None:
    from mcp_sessiongen.terminal import has_colours, say

    level = f"{finding.level:<8}"
    shown = click.style(level, fg=_COLOURS[finding.level], bold=True) if has_colours() else level
    message, *rest = _wrapped(finding.message)
    say(f"{shown} {finding.check:<12} {message}")
    if finding.sessions and finding.level != "ok":
        more = ["..."] if len(finding.sessions) < finding.count and len(finding.sessions) == _NAMED else []
        rest += _wrapped("sessions: " + ", ".join([*finding.sessions, *more]))
    if finding.advice:
        rest += _wrapped(f"-> {finding.advice}")
    for line in rest:
        say(" " * _INDENT + line)


def _wrapped(text: str) -> list[str]:
    """Return a text in lines that fit on a terminal; elsewhere it stays one line."""
    from mcp_sessiongen.diagnostics import printable

    if not sys.stdout.isatty():
        return [printable(text)]
    room = max(_LEAST, shutil.get_terminal_size().columns - _INDENT)
    return textwrap.wrap(printable(text), room, break_on_hyphens=False) or [""]
