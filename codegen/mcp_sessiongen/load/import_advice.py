"""What to do about an exception that the user's module raised while it was imported."""

import ast
import builtins
import re
import sys
from types import ModuleType, TracebackType
from typing import Final

from pydantic import PydanticUserError
from pydantic.errors import PydanticSchemaGenerationError

from mcp_sessiongen.diagnostics import Span
from mcp_sessiongen.names import did_you_mean
from mcp_sessiongen.safe_text import safe_str

_ANYTHING_ELSE: Final = "correct this line, or keep it out of modules that have schemas"
_PYDANTIC: Final = {
    "schema-for-unknown-type": "use a builtin type, a model, an Enum or a dataclass",
    "removed-kwargs": "remove it",
}
_BUILTINS: Final = [name for name, held in vars(builtins).items() if type(held) is type and name.islower()]
_AS_SAID: Final = "change the class as Pydantic says"
_UNTYPED: Final = ("model-field-missing-annotation", "model-field-overridden")
_INSTEAD: Final = re.compile(r"use `(\w+)` instead")
_FIELD: Final = re.compile(r"[`'](\w+)")
_IMPORTED: Final = re.compile(r"cannot import name '(\w+)'")


def advice_for(error: BaseException) -> str:
    """Return what to do about an exception.

    Only those of Python and Pydantic themselves are told apart: others may run code of the user's.
    """
    kind, text = type(error), safe_str(error)
    name = _word(getattr(error, "name", "")) if kind.__module__ == "builtins" else ""
    if kind is NameError:
        near = did_you_mean(name, _names_at(error.__traceback__)) or did_you_mean(name, _BUILTINS)
        return near or "define or import it above this line, or check the name"
    if kind is ImportError:
        imported = _IMPORTED.search(text)
        near = did_you_mean(imported[1], _names_in(sys.modules.get(name))) if imported else ""
        return near or "check the name, and what it is imported from"
    if kind is AttributeError:
        return did_you_mean(name, _names_in(getattr(error, "obj", None))) or _ANYTHING_ELSE
    if kind is TypeError and "for |: 'str'" in text:
        return "put the quotes around the whole type, not around a part of it"
    if kind in (PydanticUserError, PydanticSchemaGenerationError):
        other = _INSTEAD.search(text)
        return f"write {other[1]} instead" if other else _PYDANTIC.get(_word(getattr(error, "code", "")), _AS_SAID)
    return _ANYTHING_ELSE


def is_untyped_attribute(error: BaseException) -> bool:
    """Tell whether Pydantic refuses a model since one of its attributes has no type."""
    return type(error) is PydanticUserError and getattr(error, "code", "") in _UNTYPED


def untyped_attribute(error: BaseException, place: Span) -> tuple[Span, str, str]:
    """Return where a model's attribute without a type is, its name, and what to write.

    Args:
        error: What Pydantic says of it.
        place: Where the class begins.
    """
    found = _FIELD.search(safe_str(error))
    name = found[1] if found else ""
    for statement in _class_at(place):
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            target = statement.targets[0]
            if target.id == name:
                span = place.source.span(statement.lineno, statement.col_offset + 1, len(name))
                return span, name, f"write {name}: {_type_of(statement.value)} = {ast.unparse(statement.value)}"
    return place, name, "write its type after a colon, or ClassVar for what is no field"


def _class_at(place: Span) -> list[ast.stmt]:
    try:
        tree = ast.parse(place.source.text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.lineno == place.line)
    return next((node.body for node in classes), [])


def _type_of(value: ast.expr) -> str:
    held = value.value if isinstance(value, ast.Constant) else None
    return type(held).__name__ if isinstance(held, bool | int | float | str | bytes) else "..."


def _word(value: object) -> str:
    """Return a text that is one: what an exception has may be anything."""
    return value if type(value) is str else ""


def _names_at(trace: TracebackType | None) -> list[str]:
    """Return the names that were known where an exception was raised."""
    if trace is None:
        return []
    while trace.tb_next:
        trace = trace.tb_next
    return list(filter(_word, (*trace.tb_frame.f_locals, *trace.tb_frame.f_globals)))


def _names_in(module: object) -> list[str]:
    return list(filter(_word, vars(module))) if type(module) is ModuleType else []
