"""What was meant where YAML's parser stopped: the place to look at, and what to write.

The parser stops where it cannot go on, which is often a good line after the bad one. What was meant is guessed from
the text of the two.
"""

import re
from typing import Final

import yaml

from mcp_sessiongen.diagnostics import SchemaErrors, Source, Span, fatal

_ENTRY: Final = re.compile(r"\s*(?:- +)?[^\s:#][^:#]*:(?:\s|$)")
"""The beginning of a line that is an entry of a mapping."""

_NO_SPACE: Final = re.compile(r"(\w+):(\S{1,60})(?:\s|$)")
_NO_COLON: Final = re.compile(r"(\w+) +([^\s=].{0,60})$")
_LAST_PROPERTY: Final = re.compile(r"(\w+): [^,{]*$")
_QUOTES: Final = "a text with ': ' in it needs quotes"
_NEAR: Final = 200


def syntax_error(source: Source, error: yaml.MarkedYAMLError) -> SchemaErrors:
    """Return the finding for a text that the parser does not accept."""
    message = f"not valid YAML: {error.problem}"
    if error.context:
        message += f" ({error.context})"
    place, hint = _guess(source, error)
    return fatal(place, "yaml-syntax", message, hint)


def entry_hint(text: str) -> str:
    """Return how to write a text that was meant as an entry of a mapping; "" if it does not look like one."""
    joined = _NO_SPACE.match(text)
    if joined:
        return f"write a space after the colon:  {joined[1]}: {joined[2]}"
    bare = _NO_COLON.match(text)
    return f"write a colon after the name:  {bare[1]}: {bare[2]}" if bare else ""


def _guess(source: Source, error: yaml.MarkedYAMLError) -> tuple[Span, str]:
    place, start = _span(source, error.problem_mark or error.context_mark), _span(source, error.context_mark)
    problem, context = error.problem or "", error.context or ""
    is_after_end = bool(error.context_mark) and place.line > len(source.text.rstrip().splitlines())
    if "flow mapping" in context or "','" in problem:
        return _in_braces(place, start, is_after_end=is_after_end)
    if "mapping values" in problem:
        return _second_colon(place)
    if "expected ':'" in problem:
        return _without_colon(_line(source, start.line))
    place = start if is_after_end else place
    if "tab" in problem or "cannot start any token" in problem:
        return place, "indent with spaces; quote texts that begin with a special character"
    if "end of stream" in problem:
        return place, "a quote or bracket is not closed"
    if "expected key" in problem and place.column == _indent(place.line_text) + 1:
        return place, _indent_hint(place) or "check the indentation of this line"
    return place, "check indentation, quotes and brackets here and on the line before"


def _in_braces(place: Span, start: Span, *, is_after_end: bool) -> tuple[Span, str]:
    before, rest = place.line_text[: place.column - 1], place.line_text[place.column - 1 :]
    if is_after_end:
        return start, "the bracket that opens here is not closed"
    if place.line > start.line and ":" not in before and rest[:1] == ":":
        return start, f"the bracket that opens here is not closed before line {place.line}"
    text = _LAST_PROPERTY.search(before[-_NEAR:])
    if text and rest[:1] == ":":
        return place, f"{_QUOTES}: put what stands after  {text[1]}:  into quotes"
    return place, "inside { } a type with brackets or commas needs quotes: {type: 'dict[str, int]'}; is a bracket open?"


def _second_colon(place: Span) -> tuple[Span, str]:
    """Judge a colon where none can be: the line has two, or goes on with what the line above began."""
    above = _line_above(place)
    if above is None or ":" in place.line_text[: place.column - 1]:
        return place, _QUOTES
    if _ENTRY.match(above.line_text):
        indent = _indent_hint(place)
        return place, f"{indent}; {_QUOTES}" if indent else _QUOTES
    first, parent = above, _line_above(above)
    while parent and not _ENTRY.match(parent.line_text):
        first, parent = parent, _line_above(parent)
    # Below an entry that has a value, the lines are more of its text.
    return _without_colon(first) if parent and parent.line_text.rstrip().endswith(":") else (place, _QUOTES)


def _without_colon(line: Span) -> tuple[Span, str]:
    return line, entry_hint(line.line_text.strip()) or "this line has no colon; an entry is  name: type"


def _indent_hint(place: Span) -> str:
    above = _line_above(place)
    here, there = _indent(place.line_text), above.column - 1 if above else 0
    if above is None or here == there:
        return ""
    return f"{here} spaces stand before it, and {there} in line {above.line}: entries of one mapping have the same"


def _line_above(place: Span) -> Span | None:
    """Return what stands in the nearest line above that is not empty and no comment."""
    for number in range(place.line - 1, 0, -1):
        text = place.source.lines[number - 1].strip()
        if text and not text.startswith("#"):
            return _line(place.source, number)
    return None


def _line(source: Source, number: int) -> Span:
    text = source.lines[number - 1]
    return source.span(number, _indent(text) + 1, len(text.strip()))


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


def _span(source: Source, mark: yaml.Mark | None) -> Span:
    return source.span(mark.line + 1, mark.column + 1) if mark else source.span()
