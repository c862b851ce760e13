"""Stored JSON as text for people: indented, with the very digits that are stored, and with secrets masked."""

import json
from typing import Any, Final, NamedTuple

from mcp_sessions.hiding import hidden

DEEPEST: Final = 20
"""From this depth on, what is nested is written on one line."""

INDENTATION: Final = 1_000_000
"""How many characters of a text may be line breaks and indentation; from there on it goes on without."""


class Shown(NamedTuple):
    """A value as text; None if it is no JSON. ``is_partial`` says that secrets in it are masked."""

    text: str | None
    is_partial: bool = False


class _Number(str):
    """A number as it is written: reading it could change or refuse it."""


def shown(raw: bytes, *, reveal: bool) -> Shown:
    """Return what a stored value is as text."""
    try:
        value = json.loads(raw, parse_int=_Number, parse_float=_Number, parse_constant=_Number)
        visible, is_partial = (value, False) if reveal else hidden(value)
        return Shown(_Writer().written(visible), is_partial)
    except (ValueError, RecursionError):
        return Shown(None)


class _Writer:
    """Writes a value into one list of parts: nothing is copied at each level, however deep it is.

    Indentation ends below some depth, and where it has taken all the room that it may: a value that was made to be
    nested and long would have a text of many times its size.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._room = INDENTATION

    def written(self, value: Any) -> str:
        """Return the text of a value."""
        self._write(value, 0)
        return "".join(self._parts)

    def _write(self, value: Any, depth: int) -> None:
        if isinstance(value, dict) and value:
            self._block("{", [(f"{_quoted(name)}: ", item) for name, item in value.items()], "}", depth)
        elif isinstance(value, list) and value:
            self._block("[", [("", item) for item in value], "]", depth)
        elif isinstance(value, _Number):
            self._parts.append(str(value))
        else:
            self._parts.append(_quoted(value) if isinstance(value, str) else json.dumps(value))

    def _block(self, opening: str, items: list[tuple[str, Any]], closing: str, depth: int) -> None:
        is_open = depth < DEEPEST
        self._parts.append(opening)
        for number, (name, item) in enumerate(items):
            self._parts.append("," if number else "")
            is_open = is_open and self._room > 0
            self._parts.append(self._new_line(depth + 1) if is_open else " " if number else "")
            self._parts.append(name)
            self._write(item, depth + 1)
        self._parts.extend((self._new_line(depth) if is_open else "", closing))

    def _new_line(self, depth: int) -> str:
        line = "\n" + "  " * depth
        self._room -= len(line)
        return line


def _quoted(text: str) -> str:
    """Return text in quotes; escaped where it is none, as half of a surrogate pair is."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(text)
    return json.dumps(text, ensure_ascii=False)
