"""What reaches the terminal: text that can do it no harm, on streams that may refuse it."""

import difflib
import os
import sys
from typing import NoReturn, TextIO

import click

from mcp_sessiongen.diagnostics import printable
from mcp_sessiongen.safe_text import safe_str
from mcp_sessiongen.write import FileState


def say(text: str, *, err: bool = False) -> None:
    """Print a line, or lines; when that is impossible, end with exit code 2."""
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        click.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=err)
    except (OSError, ValueError) as error:
        _give_up(error, err)


def _give_up(error: Exception, err: bool) -> NoReturn:
    for stream in (sys.stdout, sys.stderr) if err else (sys.stdout,):
        _silence(stream)
    if not err:
        say(f"mcp-sessiongen: cannot write the output: {getattr(error, 'strerror', None) or safe_str(error)}", err=True)
    sys.exit(2)


def _silence(stream: TextIO) -> None:
    """Send what is left in a stream's buffer nowhere, so that Python does not stumble over it at its end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass


def diff(state: FileState) -> str:
    """Return the difference between what a file holds and what it should, in lines that are safe to print."""
    path = printable(state.path.as_posix())
    origin = path if state.before is not None else "/dev/null"
    lines = difflib.unified_diff(_lines(state.before or ""), _lines(state.text), origin, path, lineterm="")
    return "\n".join(lines)


def _lines(text: str) -> list[str]:
    """Return the lines, without a last one that is empty: every file ends with a line break."""
    lines = ["\t".join(map(printable, line.split("\t"))) for line in text.split("\n")]
    if lines[-1]:
        return [*lines[:-1], f"{lines[-1]}\n\\ No newline at end of file"]
    return lines[:-1]
