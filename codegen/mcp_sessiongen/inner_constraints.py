"""Constraints inside of type expressions: the `Field(max_length=9)` of `Annotated[str, Field(max_length=9)]`."""

import ast
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.annotation_text import AnnotationProblem, AnnotationText
from mcp_sessiongen.declarations import CONSTRAINTS, Located
from mcp_sessiongen.diagnostics import Report, Source
from mcp_sessiongen.names import did_you_mean

HINT: Final = "write  Annotated[str, Field(max_length=9)]"


def constrained(source: AnnotationText, kind: ir.Type, fields: list[ast.expr]) -> ir.Type:
    """Return a type with the constraints of what stands beside it in `Annotated[...]`.

    Args:
        source: The expression.
        kind: The type.
        fields: What should be calls of `Field`.

    Raises:
        AnnotationProblem: If they are not, or if the constraints do not fit the type.
    """
    written: dict[str, Located[object]] = {}
    for keyword in (keyword for field in fields for keyword in _keywords(source, field)):
        name = keyword.arg or "**"
        if name in written:
            raise source.problem(keyword, "bad-constraint", f"{name} is given twice", "remove one of them")
        written[name] = _value(source, name, keyword)
    # Imported here: it needs pydantic, and few schemas have constraints inside of types.
    from mcp_sessiongen.constraints import check

    report = Report()
    checked = check(kind, written.items(), report)
    for found in report.found[:1]:
        start = found.span.column - 1
        raise AnnotationProblem(found.code, found.message, found.hint, start, start + found.span.length)
    return ir.Constrained(kind, checked) if checked else kind


def _keywords(source: AnnotationText, node: ast.expr) -> list[ast.keyword]:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != "Field":
        raise source.problem(node, "bad-type", f"Annotated cannot hold {source.quoted(node)}", HINT)
    for argument in node.args:
        message = f"Field takes constraints by name, got {source.quoted(argument)}"
        raise source.problem(argument, "bad-constraint", message, HINT)
    return node.keywords


def _value(source: AnnotationText, name: str, keyword: ast.keyword) -> Located[object]:
    """Return the value of a constraint, at a position of which only the columns count."""
    if name not in CONSTRAINTS:
        hint = did_you_mean(name, CONSTRAINTS) or f"it has: {', '.join(CONSTRAINTS)}"
        message = f"Field inside of a type has no constraint {name!r}"
        raise source.problem(keyword, "bad-constraint", message, hint)
    try:
        value = ast.literal_eval(keyword.value)
        if source.reference(keyword.value):
            raise ValueError("a reference, which is a text only to Python")
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        message = f"{name} should be a literal, got {source.quoted(keyword.value)}"
        hint = 'nothing is evaluated; write a date or a Decimal as text: "0.01"'
        raise source.problem(keyword.value, "bad-constraint", message, hint) from None
    start, end = source.extent(keyword.value)
    return Located(value, Source("").span(column=start + 1, length=end - start))
