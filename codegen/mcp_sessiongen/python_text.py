"""Python source as text: quoting and docstrings, as `ruff format` would have them.

Everything that reaches a generated file is `Code`, and this module is where other text becomes `Code`. Text that is
not as plain as can be is read back as a last line of defence: whatever a schema says, the result is one literal.
"""

import ast
import inspect
import keyword
import re
import textwrap
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Final

WIDTH: Final = 88
INDENT: Final = 4

_WORD: Final = re.compile(r"\s*\S+\s*|\s+")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Code(str):
    """Text that is known to be Python source."""

    __slots__ = ()


def is_name(text: str) -> bool:
    """Tell whether a text is a name in Python, of ASCII only."""
    return bool(_IDENTIFIER.fullmatch(text)) and not keyword.iskeyword(text)


def name(text: str) -> Code:
    """Return a name, after making sure that it is one.

    Raises:
        ValueError: If it is not an ASCII identifier, or is a keyword.
    """
    if not is_name(text):
        raise ValueError(f"not a Python name: {text!r}")
    return Code(text)


def dotted(text: str) -> Code:
    """Return a dotted name, after making sure that it is one."""
    return Code(".".join(name(part) for part in text.split(".")))


def lit(value: str | int | float | bool | None) -> Code:
    """Return a literal, with the quotes that formatters prefer."""
    if not isinstance(value, str):
        return Code(repr(value).replace("e+", "e"))  # of a float
    if _is_plain(value):
        return Code(f'"{value}"')
    body = "".join(map(_escaped, value))
    if body.count('"') > body.count("'"):
        code = Code("'" + body.replace("'", "\\'") + "'")
    else:
        code = Code('"' + body.replace('"', '\\"') + '"')
    _require_text(code, value)
    return code


def quoted(code: Code) -> Code:
    """Return code as a literal: an annotation that is read later."""
    return lit(code)


def bytes_lit(value: bytes) -> Code:
    """Return a bytes literal, with the quotes that formatters prefer."""
    text = repr(value)
    return Code(text if '"' in text else f'b"{text[2:-1]}"')


def comment(text: str) -> Code:
    """Return text that can stand in a comment: what could end the line or turn it around becomes `?`."""
    return Code("".join(character if character.isprintable() else "?" for character in text))


def clean(text: str) -> str:
    """Return documentation without common indentation, tabs, and blanks at the ends."""
    if text.isprintable():  # one line, and no blanks but spaces
        return text.strip()
    unified = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(INDENT)
    return "\n".join(line.rstrip() for line in inspect.cleandoc(unified).strip().split("\n"))


def docstring(summary: str, details: str = "", *, indent: int = 0) -> Code:
    """Return a docstring, its quotes included; lines after the first are indented."""
    details = clean(details)
    room = WIDTH - indent
    escaped = _escaped_doc(summary)
    if not details and width(escaped) + 6 <= room:
        code = Code(f'"""{escaped}"""')
        if escaped is not summary:
            _require_text(code)
        return code
    raw = _can_be_raw(summary + details)
    lines = [summary, *(["", *details.split("\n")] if details else [])]
    lines = lines if raw else list(map(_escaped_doc, lines))
    text = _doc_lines(lines, indent)
    if "\n" not in text:  # a docstring of one line has its quotes there, so where they have no room it needs two
        text = _doc_lines(lines, indent, WIDTH - indent - 7)
    end = f"\n{' ' * indent}" if "\n" in text else ""
    code = Code(f'{"r" * raw}"""{text}{end}"""')
    if not all(map(_is_plain, lines)):
        _require_text(code)
    return code


def plain_details(details: str, *, indent: int) -> Code | None:
    """Return the details of a docstring as they stand there after the first margin; None if they need escaping."""
    lines = clean(details).split("\n")
    return Code(_doc_lines(lines, indent)) if all(map(_is_plain, lines)) else None


def _doc_lines(lines: Iterable[str], indent: int, room: int | None = None) -> str:
    written = [part for line in lines for part in _wrapped(line, room or WIDTH - indent)]
    margin = " " * indent
    return "\n".join(f"{margin}{line}" if line and number else line for number, line in enumerate(written))


def first_fitting(candidates: Iterable[str], *, indent: int, alone: bool) -> str:
    """Return the first summary that fits on its line, else the last.

    Args:
        candidates: Summaries, the best first.
        indent: Where the docstring begins.
        alone: Whether the closing quotes are on the same line.
    """
    chosen = ""
    for chosen in candidates:
        if indent + 3 + width(_escaped_doc(chosen)) + 3 * alone <= WIDTH:
            break
    return chosen


def width(text: str) -> int:
    """Return how many columns a text takes: those of East Asian letters count twice, marks on letters do not count."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


@cache
def _columns(character: str) -> int:
    is_wide = unicodedata.east_asian_width(character) in "WF"
    is_mark = unicodedata.category(character) in ("Mn", "Me", "Cf")
    return 1 + is_wide - is_mark


# --- escaping ------------------------------------------------------------------------------------------------------


def _is_plain(text: str) -> bool:
    """Tell whether a text needs no escaping anywhere: it is one line, printable, without backslash or double quote."""
    return text.isprintable() and '"' not in text and "\\" not in text


def _escaped(character: str) -> str:
    if character == "\\":
        return "\\\\"
    return character if character.isprintable() else repr(character)[1:-1]


def _escaped_doc(text: str) -> str:
    if _is_plain(text):
        return text
    body = "".join(map(_escaped, text))
    if '"""' in body or body[:1] == '"' or body[-1:] == '"':
        body = body.replace('"', '\\"')
    return body


def _require_text(code: Code, meant: str | None = None) -> None:
    """Make sure that code is one text literal.

    Args:
        code: The code.
        meant: What the literal should stand for, if that is known.

    Raises:
        ValueError: If it is something else.
    """
    found = ast.literal_eval(code)
    if not isinstance(found, str) or (meant is not None and found != meant):
        raise ValueError(f"a text became something else: {code!r}")


def _can_be_raw(text: str) -> bool:
    """Tell whether a raw docstring shows a text as it is, and so better than one with escapes."""
    is_plain = all(character.isprintable() or character == "\n" for character in text)
    return "\\" in text and '"' not in text and is_plain


def _wrapped(line: str, width: int) -> list[str]:
    if len(line) <= width or not line.strip():
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
    )
