"""`mcp-sessiongen sessions show`."""

import sys
from typing import TYPE_CHECKING, Final

import click

from mcp_sessiongen.commands.sessions.choosing import chosen, texts_of
from mcp_sessiongen.commands.sessions.options import Place, not_empty, schema_option, typed_store_options
from mcp_sessiongen.commands.shared import Reporter
from mcp_sessiongen.commands.stores import perform

if TYPE_CHECKING:
    from mcp_sessions.admin import Detail


_HELP: Final = """Show one session: whose it is, how long it lives, and what it holds.

ID is its whole id, the beginning of it that log lines have ("cart_e52x..."), or a reference. A whole id on the
command line shows in the list of processes and the shell's history: write - to give it on stdin. The id of an MCP
session shows all that is kept in it.

Values are of the types that their schema says; those that do not fit are marked. Secret are keys whose schema says
so, and what is called password, token, api_key and the like: ******** stands for them.

\b
Examples:
  mcp-sessiongen sessions show cart_e52x --module state.cart
  mcp-sessiongen sessions show - --reveal < id.txt
  mcp-sessiongen sessions show cart_e52x --key items --format json
"""


@click.command(help=_HELP, short_help="Show one session with its values.")
@click.argument("session", metavar="ID")
@typed_store_options
@schema_option("Of which schema; where an MCP session has several.")
@click.option("--key", "keys", metavar="KEY", multiple=True, callback=not_empty, help="Only this key; may be repeated.")
@click.option("--reveal", is_flag=True, help="Show secrets.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(place: Place, session: str, schema: str | None, keys: tuple[str, ...], reveal: bool, form: str) -> None:
    """Do what the help says."""
    from mcp_sessiongen.diagnostics import clipped
    from mcp_sessiongen.names import did_you_mean

    reporter = Reporter(form)
    text = texts_of((session,))[0]
    details = perform(reporter, lambda: _found(place, text, schema, reporter, reveal=reveal))
    if not details:
        sys.exit(1)
    missing = [key for key in keys if all(one.key != key for detail in details for one in detail.entries)]
    _print(details, keys, form)
    known = {one.key for detail in details for one in detail.entries}
    for key in missing:
        near = did_you_mean(key, sorted(known))
        reporter.note(f"no such key: {clipped(key)}{near and '; ' + near}")
    if missing:
        sys.exit(1)


async def _found(place: Place, text: str, schema: str | None, reporter: Reporter, *, reveal: bool) -> "list[Detail]":
    from mcp_sessions.admin import show

    async with place.opened() as store:
        catalog = place.catalog(reporter)
        found = await chosen(store, text, schema, reporter)
        details = [await show(store, one.address, catalog, reveal=reveal) for one in found]
    return [detail for detail in details if detail is not None]


def _print(details: "list[Detail]", keys: tuple[str, ...], form: str) -> None:
    import json

    from mcp_sessiongen.commands.sessions.details import json_of, lines_of
    from mcp_sessiongen.terminal import say

    if form == "json":
        objects = [json_of(detail, keys) for detail in details]
        say(json.dumps(objects[0] if len(objects) == 1 else objects, indent=2))
        return
    for number, detail in enumerate(details):
        if number:
            say("")
        for line in lines_of(detail, keys):
            say(line)
