"""Types of the IR as the YAML language writes them: Python's own notation, with `module:Class` for imports."""

import math

from mcp_sessiongen import ir
from mcp_sessiongen.export.json_values import JsonValues
from mcp_sessiongen.python_text import lit
from mcp_sessiongen.type_parts import without_none


def type_text(kind: ir.Type, values: JsonValues) -> str:
    """Return a type expression; `T?` where that is all there is to the union."""
    base = without_none(kind)
    if base != kind and not isinstance(base, ir.Union):
        return f"{_text(base, values)}?"
    return _text(kind, values)


def literal(data: object) -> str:
    """Return JSON data as a Python literal.

    Raises:
        ValueError: If it holds a number that has no literal.
    """
    match data:
        case float() if not math.isfinite(data):
            raise ValueError(f"{data} has no literal")
        case list():
            return f"[{', '.join(map(literal, data))}]"
        case dict():
            return f"{{{', '.join(f'{lit(key)}: {literal(value)}' for key, value in data.items())}}}"
        case str() | int() | float() | None:
            return lit(data)
        case _:
            raise ValueError(f"a {type(data).__name__} is not JSON data")


def _text(kind: ir.Type, values: JsonValues) -> str:
    match kind:
        case ir.Scalar(name=name) | ir.Named(name=name):
            return name
        case ir.Choice(values=choices):
            return f"Literal[{', '.join(map(lit, choices))}]"
        case ir.Array(kind=outer, item=item):
            return f"{outer}[{_text(item, values)}]"
        case ir.Table(key=key, value=value):
            return f"dict[{_text(key, values)}, {_text(value, values)}]"
        case ir.Tuple(items=items, open=is_open):
            inner = [_text(item, values) for item in items] + ["..."] * is_open
            return f"tuple[{', '.join(inner) or '()'}]"
        case ir.Union(members=members):
            return " | ".join(_text(member, values) for member in members)
        case ir.Imported(module=module, qualname=qualname, arguments=arguments):
            inner = [_text(argument, values) for argument in arguments]
            return f"{module}:{qualname}" + (f"[{', '.join(inner)}]" if inner else "")
        case ir.Constrained(type=inner_type, constraints=constraints):
            given = ", ".join(f"{name}={literal(values.data(value))}" for name, value in constraints)
            return f"Annotated[{_text(inner_type, values)}, Field({given})]"
