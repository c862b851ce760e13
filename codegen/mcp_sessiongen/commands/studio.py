"""`mcp-sessiongen studio`."""

from functools import partial
from pathlib import Path

import click

from mcp_sessiongen.commands.shared import Reporter
from mcp_sessiongen.commands.stores import (
    accessors_at_hand,
    keys_of,
    opened,
    require_store,
    store_option,
    telling_failures,
)


@click.command(short_help="Look into a store with a browser.")
@store_option
@click.option(
    "--module",
    "modules",
    metavar="MODULE",
    multiple=True,
    help="A generated module, such as state.cart, for types and documentation; may be repeated. Else the project's.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    help="Where it answers, on 127.0.0.1; 0 for any port that is free.",
)
@click.option("--write", is_flag=True, help="Allow to change values and to end sessions.")
@click.option("--reveal", is_flag=True, help="Show secret values.")
@click.option(
    "--keys-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Keys of an encrypted store, one a line; else MCP_SESSIONS_KEYS has them, with commas between.",
)
def command(store: str, modules: tuple[str, ...], port: int, write: bool, reveal: bool, keys_file: Path | None) -> None:
    """Show the sessions of a store in a browser on this machine: values, types, expiry, numbers, checks.

    Prints an address with a token, which is all that is needed to see the sessions: keep it to yourself. Safe while
    servers run: looking at a session does not use it. Read-only without --write. Ctrl-C ends it.
    """
    reporter = Reporter()
    require_store(store)
    keys, found = keys_of(keys_file), accessors_at_hand(modules, reporter)
    with reporter.guarded("the end"), telling_failures(reporter):
        from mcp_sessiongen.studio.serve import Options, serve
        from mcp_sessions.admin import Catalog
        from mcp_sessions.stores.urls import shown

        options = Options(port=port, can_write=write, reveal=reveal, shown_store=shown(store).strip("'"))
        serve(partial(opened, store, keys, changes=write), Catalog(found), options, reporter.tell)
