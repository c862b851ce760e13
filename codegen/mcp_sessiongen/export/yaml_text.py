"""Data as YAML text that our reader, and any other of YAML 1.2, takes for the same data.

What is short stands on one line, as `{type: str, max_length: 80}`; texts are quoted only where they have to be.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Final

from mcp_sessiongen.export.inexpressible import Inexpressible

_WIDTH: Final = 100
_INDENT: Final = 2
_LONGEST: Final = 300
_FIRST: Final = re.compile(r"[^-?:,\[\]{}#&*!|>'\"%@`=<~\s]")
_FLOW: Final = re.compile(r"[,\[\]{}]")
_WORD: Final = re.compile(r"null|true|false|yes|no|on|off|y|n", re.IGNORECASE)
"""Plain words that are no text to a reader of YAML 1.2, or of YAML 1.1, which other tools may be."""

_DURATION: Final = re.compile(r"(?:[0-9]+[dhms])+")


class Block(dict[str, object]):
    """A mapping that is written with a line for each entry, however short it is."""


def document(content: Mapping[str, object]) -> str:
    """Return a document: a mapping whose parts are set apart by empty lines.

    Raises:
        Inexpressible: If a text or a number cannot be written.
    """
    return "\n".join("\n".join(_entry(key, value, 0)) + "\n" for key, value in content.items())


def _entry(key: str, value: object, indent: int) -> Iterator[str]:
    """Write `key: value`, on one line or several."""
    margin, head = " " * indent, f"{text(key)}:"
    if isinstance(value, str) and _is_block_text(value):
        yield f"{margin}{head} |-"
        yield from (f"{margin}{' ' * _INDENT}{line}" if line else "" for line in value.split("\n"))
        return
    line = f"{margin}{head} {flow(value, nested=False)}"
    if not isinstance(value, Block) and (len(line) <= _WIDTH or not isinstance(value, dict | list) or not value):
        yield line
        return
    yield f"{margin}{head}"
    if isinstance(value, list):
        yield from (f"{margin}{' ' * _INDENT}- {flow(item)}" for item in value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _entry(name, inner, indent + _INDENT)


def flow(value: object, *, nested: bool = True) -> str:
    """Return data on one line.

    Args:
        value: JSON data, and floats that JSON does not have.
        nested: Whether it stands in brackets, where fewer texts can do without quotes.

    Raises:
        Inexpressible: If a text or a number cannot be written.
    """
    match value:
        case dict():
            return f"{{{', '.join(f'{text(key, nested=True)}: {flow(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(flow, value))}]"
        case str():
            return text(value, nested=nested)
        case _:
            return _plain(value)


def text(value: str, *, nested: bool = False) -> str:
    """Return a text as a scalar on one line, without quotes if it is safe.

    Raises:
        Inexpressible: If it holds half of a surrogate pair.
    """
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Inexpressible("YAML has no surrogates, and a text has one", "remove the character") from None
    if value.isprintable():
        if is_safe(value, nested=nested):
            return value
        if '"' in value or "\\" in value:
            return "'" + value.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, value)) + '"'


def is_safe(value: str, *, nested: bool) -> bool:
    """Tell whether a text can stand without quotes, and is a text then.

    Args:
        value: The text, which is printable.
        nested: Whether it stands in brackets.
    """
    if not _FIRST.match(value) or value[-1] in " :" or ": " in value or " #" in value:
        return False
    if _WORD.fullmatch(value) or (value[0] in "0123456789+." and not _DURATION.fullmatch(value)):
        return False
    return not (nested and _FLOW.search(value))


def _is_block_text(value: str) -> bool:
    """Tell whether a text is best written as lines, and can be."""
    lines = value.split("\n")
    return len(lines) > 1 and all(map(str.isprintable, lines)) and lines[-1] != "" and lines[0][:1] not in ("", " ")


def _plain(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() if len(str(value)) <= _LONGEST:
            return str(value)
        case float() if math.isnan(value):
            return ".nan"
        case float() if math.isinf(value):
            return ".inf" if value > 0 else "-.inf"
        case float():
            return repr(value)
        case _:
            raise Inexpressible(f"YAML schemas have no numbers of more than {_LONGEST} digits", "choose a smaller one")


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    if character in "\n\t\r":
        return json.dumps(character)[1:-1]
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
