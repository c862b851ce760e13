"""The command line: which commands there are, and what becomes of whatever they do not handle.

Imports nothing but click at the start, so that `--version` and `--help` are quick.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from mcp_sessiongen import __version__
from mcp_sessiongen.commands import COMMANDS

_HELP: Final = """Compile session schemas into typed accessor classes for MCP servers.

A SCHEMA is a .yaml file, a .py file or an importable module with SessionModel classes (append :Class for one of
them), or a folder, which stands for its YAML files. Without any, those that [tool.mcp-sessiongen] in the nearest
pyproject.toml names.

\b
Examples:
  mcp-sessiongen init                              # begin a project
  mcp-sessiongen generate                          # what pyproject.toml says
  mcp-sessiongen generate schemas/counter.yaml -o app/sessions
  mcp-sessiongen schemas/ -o app/sessions          # the same as generate
  mcp-sessiongen generate app.schemas:Cart -o app/sessions
  mcp-sessiongen check                             # in CI

\b
Exit codes:
  0  everything is fine
  1  check, diff, lint, breaking: there are findings; migrate, sessions: some could not be done, or found
  2  wrong usage, settings or schemas, and nothing was written; a store that cannot be reached; or the output cannot
     be printed
"""


class _Commands(click.Group):
    """A group whose commands are imported when they are needed, and in which `generate` may be left out."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"mcp_sessiongen.commands.{cmd_name}").command
        command.name = cmd_name
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"--help", "-h", "--version", *COMMANDS}
        if args and args[0] not in own:
            self.require_no_typo(args[0], ctx)
            args = ["generate", *args]
        return super().parse_args(ctx, args)

    def require_no_typo(self, word: str, ctx: click.Context) -> None:
        """Refuse a first argument that is no source, and nearly a command."""
        import difflib

        near = difflib.get_close_matches(word, COMMANDS, n=1) if word.isalpha() else []
        if near and not Path(word).exists() and not Path(f"{word}.py").exists():
            raise click.UsageError(f"No such command {word!r}. Did you mean {near[0]!r}?", ctx)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            sys.exit(130)

    def main(self, *args: Any, **options: Any) -> Any:
        try:
            return super().main(*args, **options)
        except OSError as error:  # click's own output: help, version, usage
            from mcp_sessiongen.terminal import give_up

            give_up(error, err=False)


@click.group(
    cls=_Commands, help=_HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.version_option(__version__, prog_name="mcp-sessiongen")
def main() -> None:
    """Entry point of `mcp-sessiongen`."""
