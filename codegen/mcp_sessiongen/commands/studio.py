"""`mcp-sessiongen studio`."""

import sys

import click

from mcp_sessiongen.commands.shared import Reporter


@click.command(short_help="Look into a store with a browser.")
@click.option(
    "--store",
    metavar="URL",
    envvar="MCP_SESSIONS_STORE",
    required=True,
    help="Where the sessions are, as for open_store; else MCP_SESSIONS_STORE.",
)
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
def command(store: str, modules: tuple[str, ...], port: int, write: bool, reveal: bool) -> None:
    """Show the sessions of a store in a browser on this machine: values, types, expiry, numbers, checks.

    Prints an address with a token, which is all that is needed to see the sessions: keep it to yourself. Safe while
    servers run: looking at a session does not use it. Read-only without --write. Ctrl-C ends it.
    """
    from mcp_sessions.errors import SessionError

    reporter = Reporter()
    with reporter.guarded("the end"):
        try:
            _serve(store, modules, reporter, port=port, write=write, reveal=reveal)
        except SessionError as error:
            reporter.note(f"error: {error}")
            sys.exit(2)


def _serve(url: str, modules: tuple[str, ...], reporter: Reporter, *, port: int, write: bool, reveal: bool) -> None:
    from mcp_sessiongen.commands.migrate import _accessors, _require_store
    from mcp_sessiongen.studio.serve import Options, serve
    from mcp_sessions import open_store
    from mcp_sessions.admin import Catalog
    from mcp_sessions.stores.urls import shown

    _require_store(url)
    options = Options(port=port, can_write=write, reveal=reveal, shown_store=shown(url).strip("'"))
    serve(lambda: open_store(url), Catalog(_accessors(modules)), options, reporter.tell)
