"""Expressions and how they are laid out over lines: as `ruff format` would choose."""

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from mcp_sessiongen.python_text import INDENT, WIDTH, Code, is_name, lit, width

_WORD: Final = re.compile(r"\s*\S+\s*|\s+")


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


def type_in(text: str) -> Expression:
    """Return a type that is on one line as what can be split."""
    if is_name(text):
        return Code(text)
    return _type_of(ast.parse(text, mode="eval").body, text)


def _type_of(node: ast.expr, text: str) -> Expression:
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return Alternatives((_type_of(left, text), _type_of(right, text)))
        case ast.Subscript(value=head, slice=ast.Tuple(elts=[_, *_] as items)):
            return Group(_source(head, text), tuple(_type_of(item, text) for item in items), "[]")
        case ast.Subscript(value=head, slice=item):
            return Group(_source(head, text), (_type_of(item, text),), "[]")
        case ast.List(elts=items):
            return Group(Code(""), tuple(_type_of(item, text) for item in items), "[]")
        case _:
            return _source(node, text)


def _source(node: ast.expr, text: str) -> Code:
    return Code(text.encode()[node.col_offset : node.end_col_offset].decode())


def laid_out(before: str, expression: Expression, after: str = "", *, indent: int = 0, split: bool = False) -> Code:
    """Return `before expression after`: on one line if that fits, else one item per line.

    Args:
        before: What stands on the line before the expression; its own indentation excluded.
        expression: What can be split.
        after: What follows.
        indent: The indentation of the line.
        split: Split it in any case.
    """
    return Code(before + _lay(expression, indent, indent + width(before), width(after), split) + after)


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
    """Return an entry with its value split, and its key where the value cannot be or has no room to begin in."""
    key = flat(pair.key)
    room = WIDTH - column - width(key) - 2
    if isinstance(pair.key, Group) and (isinstance(pair.value, Code) or opening(pair.value) > room):
        before = f"{_lay(pair.key, indent, column, 0, split=True)}: "
        column = indent + 3
    else:
        before = f"{key}: "
        column += width(before)
    return before + _lay(pair.value, indent, column, after)


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
