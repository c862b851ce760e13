"""What reaches the terminal: text that can do it no harm, on streams that may refuse it."""

import difflib
import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn, TextIO

import click

from mcp_sessiongen.diagnostics import printable
from mcp_sessiongen.output import FileState
from mcp_sessiongen.safe_text import safe_str

_PATIENCE: Final = 0.5
_DIFF_COLOURS: Final = {"---": "", "+++": "", "@@": "cyan", "-": "red", "+": "green"}


def say(text: str, *, err: bool = False, end: str = "\n", done: str = "") -> None:
    """Print a line, or lines; when that is impossible, end with exit code 2, and tell what was done all the same."""
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        click.echo((text + end).encode(encoding, "backslashreplace").decode(encoding), nl=False, err=err)
    except (OSError, ValueError) as error:
        give_up(error, err=err, done=done)


def give_up(error: Exception, *, err: bool, done: str = "") -> NoReturn:
    """End with exit code 2, because a stream cannot be written to; a reader that has gone away knows that itself."""
    for stream in (sys.stdout, sys.stderr) if err else (sys.stdout,):
        _silence(stream)
    if not err and getattr(error, "errno", None) != errno.EPIPE:
        why = getattr(error, "strerror", None) or safe_str(error)
        say(f"mcp-sessiongen: cannot write the output: {why}{done and f'; {done}'}", err=True)
    sys.exit(2)


def _silence(stream: TextIO) -> None:
    """Send what is left in a stream's buffer nowhere, so that Python does not stumble over it at its end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        pass


def has_colours(*, err: bool = False) -> bool:
    """Tell whether a stream is a terminal that may be coloured."""
    stream = sys.stderr if err else sys.stdout
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@contextmanager
def progress(doing: str, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is worked on, once it takes long; what is shown is wiped out at the end."""
    start, width = time.monotonic(), 0
    is_shown = not quiet and sys.stderr.isatty()

    def step(what: str) -> None:
        nonlocal width
        if is_shown and time.monotonic() - start > _PATIENCE:
            text = f"{doing} {printable(what)}"[:78]
            say(f"\r{text:<{width}}", err=True, end="")
            width = len(text)

    try:
        yield step
    finally:
        if width:
            say(f"\r{'':<{width}}\r", err=True, end="")


def diff(state: FileState, *, colours: bool = False) -> str:
    """Return the difference between what a file holds and what it should, in lines that are safe to print."""
    path = printable(state.path.as_posix())
    origin = path if state.before is not None else "/dev/null"
    target = path if state.text is not None else "/dev/null"
    lines = difflib.unified_diff(_lines(state.before or ""), _lines(state.text or ""), origin, target, lineterm="")
    return "\n".join(map(_coloured, lines) if colours else lines)


def _coloured(line: str) -> str:
    colour = next((colour for start, colour in _DIFF_COLOURS.items() if line.startswith(start)), "")
    if line.startswith(("---", "+++")):
        return click.style(line, bold=True)
    return click.style(line, fg=colour) if colour else line


def _lines(text: str) -> list[str]:
    """Return the lines, without a last one that is empty: every file ends with a line break."""
    lines = ["\t".join(map(printable, line.split("\t"))) for line in text.split("\n")]
    if lines[-1]:
        return [*lines[:-1], f"{lines[-1]}\n\\ No newline at end of file"]
    return lines[:-1]
