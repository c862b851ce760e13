"""`mcp-sessiongen lint`."""

import sys
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from mcp_sessiongen.commands.shared import Reporter, count, find_sources, format_option, quiet_option, sources_argument
from mcp_sessiongen.lint.codes import LINT_CODES

if TYPE_CHECKING:
    from mcp_sessiongen.diagnostics import Diagnostic


class _Rules(click.ParamType[tuple[str, ...]]):
    """Names of rules, separated by commas."""

    name = "RULES"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        from mcp_sessiongen.names import did_you_mean

        names = tuple(name.strip() for name in str(value).split(","))
        for name in names:
            if name not in LINT_CODES:
                hint = did_you_mean(name, LINT_CODES) or f"there are: {', '.join(LINT_CODES)}"
                self.fail(f"there is no rule {name!r}; {hint}", param, ctx)
        return names

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in LINT_CODES if name.startswith(incomplete)]


@click.command(short_help="Find what compiles, but should not be so.")
@sources_argument
@click.option("--select", type=_Rules(), multiple=True, help="Apply these rules only.")
@click.option("--ignore", type=_Rules(), multiple=True, help="Do not apply these rules.")
@quiet_option
@format_option
def command(
    sources: tuple[str, ...],
    select: tuple[tuple[str, ...], ...],
    ignore: tuple[tuple[str, ...], ...],
    quiet: bool,
    form: str,
) -> None:
    """Find what compiles, but should not be so.

    Exits with 1 if there is anything. `explain` lists the rules, and says why each is there; the settings may turn
    some off. A rule in --select is applied even so.
    """
    reporter = Reporter(form, quiet)
    with reporter.guarded("nothing was examined"):
        found = _lint(
            sources, {name for names in select for name in names}, {name for names in ignore for name in names}
        )
    if found or form != "text":
        reporter.findings(found)
    if found:
        reporter.note(count(len(found), "warning"))
        sys.exit(1)
    reporter.tell("no warnings")


def _lint(sources: tuple[str, ...], select: set[str], ignore: set[str]) -> "list[Diagnostic]":
    from mcp_sessiongen.config import find_config
    from mcp_sessiongen.lint.rules import lint
    from mcp_sessiongen.lint.subject import Subject
    from mcp_sessiongen.pipeline import compile_modules

    config = find_config()
    found = [
        finding
        for arguments in find_sources("lint", sources, config)
        for compiled in compile_modules(arguments)
        for finding in lint(Subject(compiled.module, compiled.declared))
    ]
    off = ignore | (set(config.ignore if config else ()) - select)
    return [finding for finding in found if finding.code not in off and (not select or finding.code in select)]
