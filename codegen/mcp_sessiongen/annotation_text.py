"""The text of a type expression as Python's syntax tree, with positions that lead back to the text.

`T?` and `module:Class` are not Python: the text is rewritten before it is parsed, and where each character came from is
remembered. What the tree means is the business of `annotations`.
"""

import ast
import re
import warnings
from dataclasses import dataclass
from typing import Final, TypeAlias

from mcp_sessiongen.diagnostics import Span

LONGEST: Final = 2000
_MARGIN: Final = len("_: ")
# Quoted texts first, so that nothing inside of them counts. No alternative can match a text in two ways.
_PIECE: Final = re.compile(r""""(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[\w.]+(?::[\w.]+)?|.""", re.DOTALL)


Place: TypeAlias = ast.expr | ast.keyword
"""A part of a type expression."""


class AnnotationProblem(Exception):
    """A part of a type expression that is not acceptable."""

    def __init__(
        self, code: str, message: str, hint: str, start: int, end: int, related: tuple[tuple[Span, str], ...] = ()
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.start, self.end, self.related = (
            code,
            message,
            hint,
            start,
            end,
            related,
        )


@dataclass(frozen=True)
class AnnotationText:
    """A type expression.

    Attributes:
        text: As written.
        python: As Python.
        origins: For each character of `python`, where it is in `text`; None if they are the same.
        tree: The expression as an annotated assignment.
    """

    text: str
    python: str
    origins: list[int] | None
    tree: ast.AnnAssign

    def extent(self, node: Place) -> tuple[int, int]:
        """Return where a node is in the text; `ast` counts UTF-8 bytes, in the text that it was given."""
        if node.lineno != 1 or node.end_lineno != 1:
            return 0, len(self.text)
        start, end = node.col_offset - _MARGIN, (node.end_col_offset or 0) - _MARGIN
        if not self.python.isascii():
            raw = self.python.encode()
            start, end = len(raw[:start].decode()), len(raw[:end].decode())
        return _origin(self.text, self.origins, start), _origin(self.text, self.origins, end - 1) + 1

    def quoted(self, node: ast.expr) -> str:
        """Return the text of a node as written."""
        start, end = self.extent(node)
        return self.text[start:end]

    def problem(
        self, node: Place, code: str, message: str, hint: str, related: tuple[tuple[Span, str], ...] = ()
    ) -> AnnotationProblem:
        """Return a problem at a node."""
        start, end = self.extent(node)
        return AnnotationProblem(code, message, hint, start, end, related)

    def reference(self, node: ast.expr) -> str:
        """Return the `module:Class` that a node is, or "": a text in quotes is none."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value == self.quoted(node):
            return node.value
        return ""


def parse_text(text: str) -> AnnotationText:
    """Parse `TYPE` or `TYPE = DEFAULT`.

    Raises:
        AnnotationProblem: If it is neither.
    """
    if not text.strip():
        raise AnnotationProblem("bad-type", "the type is missing", "write a type, such as str", 0, 1)
    if len(text) > LONGEST:
        message = f"a type expression of {len(text)} characters, at most {LONGEST} are allowed"
        raise AnnotationProblem("bad-type", message, "declare its parts under types", 0, 1)
    python, origins = _as_python(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(f"_: {python}").body
    except SyntaxError as error:
        at = _origin(text, origins, max(0, (error.offset or 1) - 1 - _MARGIN))
        raise AnnotationProblem("bad-type", "not a type expression", _syntax_hint(text), at, at + 1) from None
    except (ValueError, MemoryError, RecursionError):
        raise AnnotationProblem("bad-type", "not a type expression", "simplify it", 0, len(text)) from None
    if len(body) != 1 or not isinstance(body[0], ast.AnnAssign):
        raise AnnotationProblem("bad-type", "not a type expression", "write TYPE or TYPE = DEFAULT", 0, len(text))
    return AnnotationText(text, python, origins, body[0])


def _as_python(text: str) -> tuple[str, list[int] | None]:
    """Return the text with `?` and `module:Class` as Python, and where each character came from."""
    if "?" not in text and ":" not in text:
        return text, None
    python: list[str] = []
    origins: list[int] = []
    depth = 0
    for match in _PIECE.finditer(text):
        piece, start, end = match.group(), match.start(), match.end()
        if piece == "=" and depth == 0:  # from here on it is the default, which is Python already
            python.append(text[start:])
            origins.extend(range(start, len(text)))
            break
        depth += (piece in "([{") - (piece in ")]}")
        if piece == "?":
            python.append(" | None")
            origins.extend([start] * len(" | None"))
        elif is_reference(piece):
            python.append(f'"{piece}"')
            origins.extend((start, *range(start, end), end - 1))
        else:
            python.append(piece)
            origins.extend(range(start, end))
    return "".join(python), origins


def is_reference(piece: str) -> bool:
    """Tell whether a text is written `module:Class`."""
    module, colon, qualname = piece.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), *qualname.split(".")))


def _origin(text: str, origins: list[int] | None, offset: int) -> int:
    last = max(0, len(text) - 1)
    if origins is None:
        return min(max(0, offset), last)
    return origins[offset] if 0 <= offset < len(origins) else last


def _syntax_hint(text: str) -> str:
    if text.count('"') % 2 or text.count("'") % 2:
        return "a quote is not closed; if the text has ' #' or ': ' in it, put the whole expression in quotes"
    if text.count("[") != text.count("]"):
        return "a bracket is not closed"
    if ":" in text.partition("=")[0]:
        return "the type of an existing class is written module:Class, such as app.models:Item"
    return "write a type as in Python: list[str], dict[str, int], int = 0"
