"""Pieces of classes that are generated: methods of one line over the runtime, and lines of fields."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from mcp_sessiongen.layout import Expression, Group, assigned, flat, laid_out, opening, parenthesised, type_in
from mcp_sessiongen.python_text import WIDTH, Code, clean, docstring, first_fitting, lit, name, width

_METHOD: Final = 4
BODY: Final = 8
"""How far the body of a method is indented."""


@dataclass(frozen=True)
class Method:
    """A method as the template places it."""

    signature: Code
    doc: Code
    body: Code
    decorators: tuple[Code, ...] = ()


def seconds_lit(seconds: float) -> Code:
    """Return a number of seconds, whole if it is."""
    return lit(int(seconds) if seconds == int(seconds) else seconds)


def call(called: str, *arguments: Expression | str) -> Group:
    """Return the call of a method of the runtime's base class."""
    return Group(Code(called), tuple(item if isinstance(item, Code | Group) else Code(item) for item in arguments))


def method(head: Code, docs: Sequence[str], body: Group, details: str = "", *, gives: bool = True) -> Method:
    """Return a method that awaits one call of the runtime.

    Args:
        head: The signature.
        docs: Summaries, the best first; the first that fits is taken.
        body: The call.
        details: More documentation.
        gives: Whether the method returns what the call gives.
    """
    summary = first_fitting(docs, indent=BODY, alone=not clean(details))
    before = "return await self." if gives else "await self."
    return Method(head, docstring(summary, details, indent=BODY), laid_out(before, body, indent=BODY))


def signature(called: str, parameters: Iterable[str], result: str, after: str = ":") -> Code:
    """Return the head of a method.

    Args:
        called: Its name.
        parameters: Those after `self`, each with its type.
        result: The type of what it returns.
        after: What follows.
    """
    listed = ("self", *parameters)
    head = f"async def {_vetted(called)}("
    line = f"{head}{', '.join(listed)}) -> {result}{after}"
    if _METHOD + width(line) <= WIDTH:
        return Code(line)
    pairs = [_parameter(parameter) for parameter in listed]
    split = Group(Code(head[:-1]), tuple(kind for _, kind in pairs), labels=tuple(before for before, _ in pairs))
    before = ") -> "
    kind = parenthesised(type_in(result), WIDTH - _METHOD - width(before + after))
    end = laid_out(before, kind, after, indent=_METHOD)
    return Code(laid_out("", split, indent=_METHOD, split=True)[:-1] + end)


def _parameter(text: str) -> tuple[str, Expression]:
    """Return the name of a parameter, with what follows it, and its type, which may be split."""
    called, colon, kind = text.partition(": ")
    if not colon or kind.endswith((" = 1", " = 1.0")):
        return "", Code(text)
    return f"{called}: ", type_in(kind)


def field_line(called: str, kind: Expression, default: Expression | None) -> Code:
    """Return the line of a field in a class."""
    called = _vetted(called)
    if default is None:
        kind = parenthesised(kind, WIDTH - _METHOD - len(f"{called}: "))
        return laid_out(f"{called}: ", kind, indent=_METHOD)
    before = f"{called}: {flat(kind)} = "
    room = WIDTH - _METHOD - width(before)
    is_split = isinstance(default, Group) and bool(default.items)
    # As the formatter does: the value is split; or moves to lines of its own, if the annotation leaves a bracket's room
    # for that; or else the annotation is split, if it can be.
    if width(flat(default)) <= room or (is_split and opening(default) <= room):
        return laid_out(before, default, indent=_METHOD)
    begins_with_bracket = isinstance(default, Group) and not flat(default.head)
    takes_no_bracket = flat(default)[:1] == "-" or flat(default) in ("()", "[]", "{}")
    if isinstance(kind, Code):
        on_own_lines = assigned(before, default, indent=_METHOD)
        fits = all(width(line) <= WIDTH for line in on_own_lines.split("\n")[1:])
        if begins_with_bracket or flat(default) in ("()", "[]", "{}") or (is_split and (room < 1 or not fits)):
            return laid_out(before, default, indent=_METHOD)
        return on_own_lines
    if room > 0 and not takes_no_bracket:
        return assigned(before, default, indent=_METHOD)
    kind = parenthesised(kind, 0)
    left = laid_out(f"{called}: ", kind, indent=_METHOD, split=True)
    return Code(left[:-1] + laid_out(f"{left[-1]} = ", default, indent=_METHOD))


def _vetted(called: str) -> Code:
    """Return a name; one that is code already was made of a vetted name."""
    return called if isinstance(called, Code) else name(called)
