"""What is wrong with a schema, where, and how it is told to a person.

Owns positions, the collector and the text form. What each code means is in `codes`; who finds what is
everybody else's business.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal, NamedTuple, TypeAlias

from mcp_sessiongen.codes import CODES

Severity: TypeAlias = Literal["error", "warning"]

_MAX_SHOWN: Final = 110
_MAX_MESSAGE: Final = 300
_YAML_BREAKS: Final = "\r\n\x85\u2028\u2029"


@dataclass(frozen=True)
class Source:
    """One schema source.

    Attributes:
        path: As the user gave it.
        text: What it holds; "" when there is nothing to show.
        breaks: The characters that end a line; Python has fewer of them than YAML.
    """

    path: str
    text: str = ""
    breaks: str = _YAML_BREAKS

    @cached_property
    def lines(self) -> list[str]:
        """The lines, broken where the parser of the language breaks them."""
        unified = self.text.replace("\r\n", "\n")
        for character in self.breaks:
            unified = unified.replace(character, "\n")
        return unified.split("\n")

    def span(self, line: int = 1, column: int = 1, length: int = 1) -> "Span":
        """Return a position in this source."""
        return Span(self, line, column, length)

    def nowhere(self) -> "Span":
        """Return the position of what is said of a source that is not there: it has no line."""
        return Span(self, 0, 0, 0)


class Span(NamedTuple):
    """A piece of one source line. Lines and columns count characters, from 1; line 0 is no line at all."""

    source: Source
    line: int
    column: int
    length: int = 1

    @property
    def line_text(self) -> str:
        """The whole line, or "" when the source has no such line."""
        lines = self.source.lines
        return lines[self.line - 1] if 0 < self.line <= len(lines) else ""

    def part(self, offset: int, length: int) -> "Span":
        """Return the span of some characters inside this one."""
        return Span(self.source, self.line, self.column + offset, max(1, length))


@dataclass(frozen=True)
class Diagnostic:
    """One finding.

    Attributes:
        span: What it is about.
        code: A key of `codes.CODES`, or of the linter's rules.
        message: What is wrong: the value received and, where it helps, the values allowed.
        hint: What to do about it.
        related: Other places that matter, each with a label.
        severity: A warning is something that compiles, and that the linter would not have.
    """

    span: Span
    code: str
    message: str
    hint: str = ""
    related: tuple[tuple[Span, str], ...] = ()
    severity: Severity = "error"

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """The sorting key: by file, then from top to bottom."""
        return (self.span.source.path, self.span.line, self.span.column, self.code, self.message)


class SchemaErrors(Exception):
    """Everything that is wrong with the sources, in reading order."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(set(diagnostics), key=lambda diagnostic: diagnostic.order))
        super().__init__("\n".join(render_text(diagnostic) for diagnostic in self.diagnostics))


@dataclass
class Report:
    """Collects diagnostics, so that a user sees all of them at once."""

    found: list[Diagnostic] = field(default_factory=list)

    def error(
        self, span: Span, code: str, message: str, hint: str = "", related: tuple[tuple[Span, str], ...] = ()
    ) -> None:
        """Add one diagnostic."""
        if code not in CODES:
            raise LookupError(f"not a diagnostic code: {code!r}")
        self.found.append(Diagnostic(span, code, message, hint, related))

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Keep what a failing step found, and go on after it."""
        try:
            yield
        except SchemaErrors as errors:
            self.found.extend(errors.diagnostics)

    def raise_if_any(self) -> None:
        """Raise everything found so far.

        Raises:
            SchemaErrors: If anything was found.
        """
        if self.found:
            raise SchemaErrors(self.found)


def fatal(span: Span, code: str, message: str, hint: str = "") -> SchemaErrors:
    """Return the error for a finding after which a source cannot be read any further."""
    report = Report()
    report.error(span, code, message, hint)
    return SchemaErrors(report.found)


Style: TypeAlias = Callable[[str, str], str]
"""Marks up a text for a terminal, given the name of its role: error, warning, path, caret or help."""


def _plain(text: str, role: str) -> str:
    del role
    return text


def render_text(diagnostic: Diagnostic, style: Style = _plain) -> str:
    """Return a diagnostic as people read it: position, message, the line with a caret, and the hint."""
    span = diagnostic.span
    line = f"{span.line}:{span.column}:" if span.line else ""
    where = f"{printable(span.source.path)}:{line}"
    kind = style(f"{diagnostic.severity}[{diagnostic.code}]:", diagnostic.severity)
    head = f"{style(where, 'path')} {kind} {clipped(diagnostic.message)}"
    lines = [head, *_excerpt(span, "", style)]
    for other, label in diagnostic.related:
        lines.extend(_excerpt(other, f" {label}", style))
    if diagnostic.hint:
        gutter = " " * _gutter(span)
        lines.append(f"{gutter} = {style('help:', 'help')} {clipped(diagnostic.hint)}")
    return "\n".join(lines)


def printable(text: str) -> str:
    """Return text that can do no harm to a terminal: no control or direction characters, one line."""
    return "".join(
        character if character == " " or character.isprintable() else repr(character)[1:-1] for character in text
    )


def clipped(text: str) -> str:
    """Return text that is printable, and no longer than a reader can bear."""
    shown = printable(text)
    return shown if len(shown) <= _MAX_MESSAGE else shown[:_MAX_MESSAGE] + "..."


def _gutter(span: Span) -> int:
    return max(4, len(str(span.line)) + 1)


def _excerpt(span: Span, label: str, style: Style) -> list[str]:
    text = span.line_text
    if not text.strip():
        return []
    start = min(span.column - 1, len(text))
    end = min(max(start + 1, start + span.length), max(len(text), start + 1))
    first = max(0, start - _MAX_SHOWN // 2) if len(text) > _MAX_SHOWN else 0
    shown = text[first : first + _MAX_SHOWN]
    end = min(end, first + len(shown) + 1)
    before, marked = _visible(text[first:start]), _visible(text[start:end])
    carets = "^" * min(max(1, width(marked)), _MAX_SHOWN)
    gutter = _gutter(span)
    return [
        f"{span.line:>{gutter}} | {_visible(shown)}",
        f"{'':>{gutter}} | {' ' * width(before)}{style(carets, 'caret')}{label}",
    ]


def _visible(text: str) -> str:
    return printable(text.replace("\t", "    "))


def width(text: str) -> int:
    """Return how many columns of a terminal a printable text takes."""
    return sum(_cell(character) for character in text)


def _cell(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
