"""Tables that fit a terminal's width, and are the same whatever it is where nobody watches."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import click

from mcp_sessiongen.diagnostics import printable, width
from mcp_sessiongen.terminal import has_colours

_GAP: Final = "  "
_LEAST: Final = 8


@dataclass(frozen=True)
class Column:
    """A column; numbers stand at its right, and one that is ``flexible`` is cut off where there is no room."""

    title: str
    is_number: bool = False
    flexible: bool = False


class Table:
    """A table that is printed while its rows come in; the first of them tell the widths of the columns."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._widths: list[int] = []

    def lines(self, rows: Sequence[Sequence[str]]) -> Iterator[str]:
        """Give the lines of some more rows, after the titles if they are the first."""
        safe = [[printable(cell) for cell in row] for row in rows]
        if safe and not self._widths:
            self._widths = self._fitted([max(map(width, column)) for column in zip(*safe, strict=True)])
            titles = self._line([column.title for column in self._columns])
            yield click.style(titles, bold=True) if has_colours() else titles
        yield from map(self._line, safe)

    def _fitted(self, widths: list[int]) -> list[int]:
        """Return widths that fit on a terminal, by taking from the widest of the columns that may be cut off."""
        fitted = [max(len(column.title), room) for column, room in zip(self._columns, widths, strict=True)]
        flexible = [index for index, column in enumerate(self._columns) if column.flexible]
        room = shutil.get_terminal_size().columns if sys.stdout.isatty() else sum(fitted) * 2
        while flexible and sum(fitted) + len(_GAP) * (len(fitted) - 1) > room:
            widest = max(flexible, key=lambda index: fitted[index])
            if fitted[widest] <= _LEAST:
                break
            fitted[widest] -= 1
        return fitted

    def _line(self, row: Sequence[str]) -> str:
        cells = []
        for column, room, text in zip(self._columns, self._widths, row, strict=True):
            shown = cut(text, room) if column.flexible and sys.stdout.isatty() else text
            padding = " " * max(0, room - width(shown))
            cells.append(padding + shown if column.is_number else shown + padding)
        return _GAP.join(cells).rstrip()


def cut(text: str, room: int) -> str:
    """Return a text that takes so many columns at most; one that was cut off ends with a sign for that."""
    if width(text) <= room:
        return text
    while width(text) > room - 1:
        text = text[:-1]
    return f"{text}\N{HORIZONTAL ELLIPSIS}"
