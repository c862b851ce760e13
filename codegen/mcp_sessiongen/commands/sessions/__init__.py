"""`mcp-sessiongen sessions`: the face of `mcp_sessions.admin`, a module for each subcommand."""

from importlib import import_module
from typing import Final

import click

_COMMANDS: Final = {
    "list": "listing",
    "show": "showing",
    "end": "ending",
    "purge": "purging",
    "stats": "stats",
    "export": "exporting",
    "import": "importing",
    "doctor": "doctor",
}
"""The subcommands, and the module of each."""

_HELP: Final = """Look at the sessions in a store, and look after them; for those who run a server.

It asks nobody who they are, and is no use of a session: nothing lives longer because it was looked at. Secrets are
masked, and ids are shown as log lines have them, unless you ask for more.

\b
Examples:
  export MCP_SESSIONS_STORE=redis://localhost:6379/0
  mcp-sessiongen sessions list --idle 10m
  mcp-sessiongen sessions show cart_e52x           # as a log line shows it
  mcp-sessiongen sessions end --owner 4f1c09ab     # all of one user's
  mcp-sessiongen sessions doctor

Values are shown by the schemas of the project here, or of the modules that --module names; without, as JSON. If the
store is encrypted, they need its keys: in MCP_SESSIONS_KEYS, with commas between them, or in a file (--keys-file).

\b
Exit codes:
  0  done, and all is well
  1  not found; doctor has findings; or some could not be done
  2  wrong usage, or the store cannot be reached
"""


class _Subcommands(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"{__name__}.{_COMMANDS[cmd_name]}").command
        command.name = cmd_name
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from mcp_sessiongen.names import did_you_mean

        word = args[0]
        if word not in _COMMANDS and not word.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(
                f"No such command {word!r}; {did_you_mean(word, _COMMANDS) or 'there are: ' + ', '.join(_COMMANDS)}"
            )
        return super().resolve_command(ctx, args)


@click.group(cls=_Subcommands, help=_HELP, short_help="Look at the sessions in a store, end and move them.")
def command() -> None:
    """Do nothing by itself."""
