"""Python source as text: quoting, docstrings, and the layout that `ruff format` would choose.

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
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

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


# --- layout --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Alternatives:
    """`a | b | c`."""

    members: tuple["Expression", ...]


@dataclass(frozen=True)
class Group:
    """Something in brackets after something else: `head(a, b)`, `head[a, b]`, `(a)`.

    Attributes:
        labels: What stands before each item, such as `default=`; () for nothing.
        comma: Whether the last item may be followed by a comma.
        is_tuple: Whether a single item has to be.
    """

    head: "Expression"
    items: tuple["Expression", ...]
    brackets: str = "()"
    labels: tuple[str, ...] = ()
    comma: bool = True
    is_tuple: bool = False

    @cached_property
    def line(self) -> Code:
        """All of it on one line."""
        items: list[str] = [flat(item) for item in self.items]
        if self.labels:
            items = [label + item for label, item in zip(self.labels, items, strict=True)]
        comma = "," if self.is_tuple and len(items) == 1 else ""
        return Code(f"{flat(self.head)}{self.brackets[0]}{', '.join(items)}{comma}{self.brackets[1]}")


@dataclass(frozen=True)
class Sentence:
    """A text literal that may go over several lines.

    Attributes:
        text: What it says.
        alone: Whether it is all that is in its brackets, so that it needs none of its own.
    """

    text: str
    alone: bool = False


@dataclass(frozen=True)
class Pair:
    """An entry of a dictionary."""

    key: "Expression"
    value: "Expression"


Expression: TypeAlias = Code | Alternatives | Group | Sentence | Pair


def flat(expression: Expression) -> Code:
    """Return an expression on one line."""
    if isinstance(expression, Code):
        return expression
    if isinstance(expression, Alternatives):
        return Code(" | ".join(map(flat, expression.members)))
    if isinstance(expression, Sentence):
        return lit(expression.text)
    if isinstance(expression, Pair):
        return Code(f"{flat(expression.key)}: {flat(expression.value)}")
    return expression.line


def laid_out(before: str, expression: Expression, after: str = "", *, indent: int = 0, split: bool = False) -> Code:
    """Return `before expression after`: on one line if that fits, else one item per line.

    Args:
        before: What stands on the line before the expression; its own indentation excluded.
        expression: What can be split.
        after: What follows.
        indent: The indentation of the line.
        split: Split it in any case.
    """
    return Code(before + _lay(expression, indent, indent + width(before), len(after), split) + after)


def assigned(before: str, value: Expression, *, indent: int = 0) -> Code:
    """Return `name = value`: the value in parentheses of its own if what it begins with has no room on the line.

    Args:
        before: All that stands before the value.
        value: The value.
        indent: The indentation of the line.
    """
    room = WIDTH - indent - width(before)
    if width(flat(value)) <= room or opening(value) <= room or room < 1:
        return laid_out(before, value, indent=indent)
    return laid_out(before, Group(Code(""), (value,), comma=False), indent=indent, split=True)


def opening(expression: Expression) -> int:
    """Return the length of what comes before the first place where an expression can be split."""
    if isinstance(expression, Group) and expression.items:
        return opening(expression.head) + 1 if not isinstance(expression.head, Group) else opening(expression.head)
    return width(flat(expression))


def width(text: str) -> int:
    """Return how many columns a text takes: those of East Asian letters count twice, marks on letters do not count."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.category(character) in ("Mn", "Me", "Cf") for character in text)


def parenthesised(expression: Expression, room: int) -> Expression:
    """Return alternatives that are longer than the room in parentheses, where they can be split; others as they are."""
    if isinstance(expression, Alternatives) and width(flat(expression)) > room:
        return Group(Code(""), (expression,), comma=False)
    return expression


def _lay(expression: Expression, indent: int, column: int, after: int, split: bool = False) -> str:
    if isinstance(expression, Code):
        return expression
    line = flat(expression)
    if not split and column + width(line) + after <= WIDTH:
        return line
    if isinstance(expression, Alternatives):
        first, *others = _members(expression)
        last = len(others) - 1
        laid = [_lay(member, indent, indent + 2, after * (number == last)) for number, member in enumerate(others)]
        return f"\n{' ' * indent}| ".join([_lay(first, indent, column, 0), *laid])
    if isinstance(expression, Sentence):
        return _lay_sentence(expression, indent)
    if isinstance(expression, Pair):
        return _lay_pair(expression, indent, column, after)
    if not expression.items:
        return line
    inner = indent + INDENT
    opening, closing = expression.brackets[0], expression.brackets[1]
    # A comma after the only item of a subscript would make a tuple of it.
    is_single = opening == "[" and len(expression.items) == 1
    comma = "," if expression.comma and not is_single else ""
    lines = [_lay(expression.head, indent, column, 1) + opening]
    for label, item in zip(expression.labels or [""] * len(expression.items), expression.items, strict=True):
        lines.append(" " * inner + label + _lay(item, inner, inner + width(label), len(comma)) + comma)
    lines.append(" " * indent + closing)
    return "\n".join(lines)


def _members(alternatives: Alternatives) -> list[Expression]:
    """Return all alternatives, those of alternatives among them too: they stand on one level."""
    nested = (_members(one) if isinstance(one, Alternatives) else [one] for one in alternatives.members)
    return [member for members in nested for member in members]


def _lay_pair(pair: Pair, indent: int, column: int, after: int) -> str:
    """Return an entry with its value split, or its key where the value cannot be."""
    key = flat(pair.key)
    if isinstance(pair.value, Code) and isinstance(pair.key, Group):
        return f"{_lay(pair.key, indent, column, 0, split=True)}: {flat(pair.value)}"
    return f"{key}: {_lay(pair.value, indent, column + width(key) + 2, after)}"


def _lay_sentence(sentence: Sentence, indent: int) -> str:
    inner = indent if sentence.alone else indent + INDENT
    room = WIDTH - inner - 1
    lines = [""]
    for word in _WORD.findall(sentence.text):
        if lines[-1] and width(lit(lines[-1] + word)) > room:
            lines.append("")
        lines[-1] += word
    if len(lines) == 1:
        return lit(sentence.text)
    if width(lit(sentence.text)) <= WIDTH - inner:
        lines = [sentence.text]
    listed = f"\n{' ' * inner}".join(map(lit, lines))
    return listed if sentence.alone else f"(\n{' ' * inner}{listed}\n{' ' * indent})"


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
