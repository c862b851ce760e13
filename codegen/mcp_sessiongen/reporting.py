"""Findings for machines: a JSON document, and the commands that GitHub turns into annotations."""

import json
from collections.abc import Iterable

from mcp_sessiongen.diagnostics import Diagnostic, printable


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """Return an array of objects, one for each finding.

    Lines and columns count from 1; the end is exclusive. What is said of a file that is not there has 0 for all.
    """
    return json.dumps([_object(diagnostic) for diagnostic in diagnostics], indent=2)


def as_github(diagnostic: Diagnostic) -> str:
    """Return the workflow command that annotates a line of a file."""
    span = diagnostic.span
    line = {"line": str(span.line), "col": str(span.column), "endColumn": str(span.column + span.length)}
    properties = {"file": printable(span.source.path), **(line if span.line else {}), "title": diagnostic.code}
    listed = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in properties.items())
    hint = f"\nhelp: {printable(diagnostic.hint)}" if diagnostic.hint else ""
    return f"::{diagnostic.severity} {listed}::{_escaped(printable(diagnostic.message) + hint, '')}"


def _escaped(text: str, also: str) -> str:
    """Return text in which nothing ends the command, or one of its properties."""
    for character in ("%", "\r", "\n", *also):
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _object(diagnostic: Diagnostic) -> dict[str, object]:
    span = diagnostic.span
    return {
        "path": printable(span.source.path),
        "line": span.line,
        "column": span.column,
        "end_column": span.column + span.length,
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
    }
