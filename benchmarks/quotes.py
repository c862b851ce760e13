"""What the README and docs quote of `results.md`: `python benchmarks/quotes.py` brings it up to date.

A table there that has the head of one of `KEYS` shows some rows of the table with that head in the results: those whose
first cells are the same.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = REPOSITORY / "benchmarks" / "results.md"
QUOTING: Final = (REPOSITORY / "README.md", REPOSITORY / "docs" / "scaling.md")

KEYS: Final = {
    "| measured | goal | found: median (quartiles) | reached |": 2,
    "| store | tasks | operation | client's processor, us | server's processor, us | a processor carries |": 3,
    "| node | operations | share |": 1,
}
"""Heads of tables that may be quoted, and how many cells say what a row is about."""


def quoted(text: str, results: str) -> str:
    """Return a text with its quotes as they are in the results.

    Raises:
        KeyError: If it quotes a row that is not there.
    """
    known = {(head, key): row for head, key, row in _rows(results)}
    lines = []
    for head, key, line in _lines(text):
        lines.append(known[head, key] if key else line)
    return "\n".join(lines) + "\n"


def _rows(text: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
    return ((head, key, line) for head, key, line in _lines(text) if key)


def _lines(text: str) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield each line, with the head of its table and its key if it is a row of one that may be quoted."""
    head = ""
    for line in text.splitlines():
        if not line.startswith("|"):
            head = ""
        if head and not line.startswith("| ---"):
            yield head, tuple(line.split(" | ")[: KEYS[head]]), line
            continue
        head = line if line in KEYS else head
        yield head, (), line


def main() -> None:
    """Bring all quotes up to date."""
    results = RESULTS.read_text(encoding="utf-8")
    for path in QUOTING:
        try:
            text = quoted(path.read_text(encoding="utf-8"), results)
        except KeyError as error:  # a run of some sections, or one in which a section failed
            print(f"{path.name} is left as it is: a row that it quotes was not measured: {error}", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
