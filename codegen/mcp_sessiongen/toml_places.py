"""Where a key stands in a TOML file, which `tomllib` does not tell.

Found by looking at the lines: good for pointing at something, and for nothing else. What is written in an unusual
way is pointed at by its table, or by the file's first line.
"""

import re
from typing import Final

from mcp_sessiongen.diagnostics import Source, Span

_HEADER: Final = re.compile(r"\s*(\[\[?)([^\[\]]+)\]\]?\s*(?:#.*)?")
_KEY: Final = re.compile(r"""\s*([A-Za-z0-9_.-]+|"[^"]*"|'[^']*')\s*=""")


def span_of(source: Source, keys: tuple[str | int, ...]) -> Span:
    """Return the position of a key, or of the nearest thing around it that can be found.

    Args:
        source: The file.
        keys: The names that lead to it; a number after the name of an array of tables.
    """
    found: dict[tuple[str | int, ...], Span] = {}
    for path, span in _places(source):
        found.setdefault(path, span)
    for length in range(len(keys), 0, -1):
        if keys[:length] in found:
            return found[keys[:length]]
    return source.span()


def _places(source: Source) -> list[tuple[tuple[str | int, ...], Span]]:
    places: list[tuple[tuple[str | int, ...], Span]] = []
    counts: dict[tuple[str, ...], int] = {}
    table: tuple[str | int, ...] = ()
    for number, line in enumerate(source.lines, 1):
        if header := _HEADER.fullmatch(line):
            names = _names(header[2])
            table = names
            if header[1] == "[[":
                table = (*names, counts.get(names, 0))
                counts[names] = counts.get(names, 0) + 1
            span = source.span(number, header.start(2) + 1, len(header[2].strip()))
            places.extend([(table, span), (names, span)])
        elif key := _KEY.match(line):
            span = source.span(number, key.start(1) + 1, len(key[1]))
            names = _names(key[1])
            places.extend(((*table, *names[:length]), span) for length in range(1, len(names) + 1))
    return places


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
