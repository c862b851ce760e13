"""Stored JSON as text for people: indented, with the very digits that are stored, and with secrets masked."""

import json
from typing import Any, NamedTuple

from mcp_sessions.hiding import hidden


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
        return Shown(_written(visible, ""), is_partial)
    except (ValueError, RecursionError):
        return Shown(None)


def _written(value: Any, indent: str) -> str:
    if isinstance(value, _Number):
        return str(value)
    inner = indent + "  "
    if isinstance(value, dict) and value:
        lines = [f"{inner}{_quoted(name)}: {_written(item, inner)}" for name, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(inner + _written(item, inner) for item in value) + f"\n{indent}]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    """Return text in quotes; escaped where it is none, as half of a surrogate pair is."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(text)
    return json.dumps(text, ensure_ascii=False)
