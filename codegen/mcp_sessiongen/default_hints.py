"""What to write instead of a default that does not fit: told from the type, and from what was written."""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

from mcp_sessiongen import ir
from mcp_sessiongen.names import did_you_mean
from mcp_sessiongen.type_parts import without_none
from mcp_sessiongen.type_rules import describe

AS_TEXT: Final = {
    "Decimal": '"0.01"',
    "date": '"2020-01-02"',
    "time": '"03:04:05"',
    "datetime": '"2020-01-02T03:04:05Z"',
    "timedelta": '"PT1H30M"',
    "UUID": '"00000000-0000-4000-8000-000000000000"',
}
"""Scalars that are written as text, each with an example."""

_EMPTY: Final = {"list()": "[]", "set()": "[]", "frozenset()": "[]", "tuple()": "[]", "dict()": "{}", "str()": '""'}
_DURATION: Final = re.compile(r"(?:([0-9]+)d)?((?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+s)?)")
_NAME: Final = re.compile(r"(?:[A-Za-z]\w*\.)?([A-Za-z]\w*)")


def unevaluated_hint(kind: ir.Type, written: str) -> str:
    """Return what to write instead of an expression, of which nothing is evaluated."""
    target = without_none(kind)
    if written in _EMPTY:
        return f"nothing is evaluated; write {_EMPTY[written]}"
    name = _NAME.fullmatch(written)
    match target:
        case ir.Scalar(name="str") | ir.Choice() if name and "." not in written:
            return f'write text in quotes: "{written}"'
        case ir.Named(forms=("text",)) if name:
            return f'write the value of the enum, in quotes: "{name[1].lower() if name[1].isupper() else name[1]}"'
        case ir.Named(forms=("a number",)):
            return "write the value of the enum, a number"
        case _:
            return f"only literals are read, nothing is evaluated; {_general_hint(target, is_json=True)}"


def misfit_hint(kind: ir.Type, value: object, live: Any, *, is_json: bool) -> str:
    """Return what to write instead of a value that is not one of a type.

    Args:
        kind: The type in the IR.
        value: What was written.
        live: The live type, less None.
        is_json: Whether a default is written as JSON has it, and not as Python does.
    """
    if isinstance(live, type) and issubclass(live, Enum):
        return _member_hint(live, value, is_json=is_json)
    target = without_none(kind)
    if is_json and isinstance(value, str):
        if isinstance(target, ir.Choice):
            return _nearest(value, target.values) or _general_hint(target, is_json=True)
        duration = _DURATION.fullmatch(value)
        if target == ir.Scalar("timedelta") and duration and value:
            days, rest = duration.groups()
            return f'write "P{days + "D" if days else ""}{"T" + rest.upper() if rest else ""}"'
    return _general_hint(target, is_json=is_json)


def _member_hint(enum: type[Enum], value: object, *, is_json: bool) -> str:
    # Not by the attribute `value`, for which a class of the user's may have code.
    values = {name: vars(member).get("_value_") for name, member in enum.__members__.items()}
    if is_json:
        named = values.get(value) if isinstance(value, str) else None
        if isinstance(named, int):
            return f"write the value of {value}: {named}"
        return _nearest(value, values.values()) or f"write one of the values of {enum.__name__}"
    plain = {name: item for name, item in values.items() if type(item) in (str, int) and type(item) is type(value)}
    name = next((name for name, item in plain.items() if item == value), "")
    return f"write {enum.__name__}.{name}" if name else f"write a member of {enum.__name__}"


def _nearest(value: object, known: Iterable[object]) -> str:
    texts = [item for item in known if isinstance(item, str)]
    return did_you_mean(value, texts) if isinstance(value, str) else ""


def _general_hint(kind: ir.Type, *, is_json: bool) -> str:
    example = AS_TEXT.get(kind.name) if is_json and isinstance(kind, ir.Scalar) else None
    if example:
        return f"write a {describe(kind)} as text: {example}"
    return f"write a value of type {describe(kind)}, or no default"
