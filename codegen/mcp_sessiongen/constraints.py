"""Which constraint goes with which type, and with which values."""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Final

from mcp_sessiongen import ir
from mcp_sessiongen.declarations import CONSTRAINTS, Located
from mcp_sessiongen.default_hints import AS_TEXT
from mcp_sessiongen.diagnostics import Report
from mcp_sessiongen.live_types import pattern_problem
from mcp_sessiongen.safe_text import safe_repr
from mcp_sessiongen.type_parts import is_model, without_none
from mcp_sessiongen.type_rules import describe
from mcp_sessiongen.values import constant, is_writable, moment

_BOUNDS: Final = ("gt", "ge", "lt", "le", "multiple_of")
_LENGTHS: Final = ("min_length", "max_length")
_ORDER: Final = ("gt", "ge", "lt", "le")
_DIGITS: Final = ("max_digits", "decimal_places")
_FLAGS: Final = ("allow_inf_nan", "strict", "coerce_numbers_to_str", "fail_fast")
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_WORDS: Final = {
    "pattern": "a regular expression",
    "discriminator": "the name of a field",
    **dict.fromkeys(_FLAGS, "true or false"),
}
_PATTERN_HINT: Final = "correct it; the syntax is that of Rust's regex: no look-around, and \\[ for the character ["
_TEMPORAL: Final = ("date", "time", "datetime", "timedelta")


def check(
    kind: ir.Type, written: Iterable[tuple[str, Located[object]]], report: Report
) -> tuple[tuple[str, ir.Value], ...]:
    """Return the constraints in their normal form and order; report those that do not fit."""
    target = without_none(kind)
    allowed = _allowed(target)
    found: dict[str, ir.Value] = {}
    for name, located in written:
        if name not in allowed:
            fitting = f"{describe(target)} takes {', '.join(allowed)}" if allowed else "remove it"
            report.error(located.span, "bad-constraint", f"{name} does not fit {describe(target)}", fitting)
            continue
        value = _reader(name, target)(located.value)
        if value is None:
            message = (
                f"{name} of {describe(target)} should be {_expected(name, target)}, got {safe_repr(located.value)}"
            )
            report.error(located.span, "bad-constraint", message, _hint(name, target, located.value))
        else:
            found[name] = value
            _contradiction(name, located, found, report)
    return in_order(found)


def in_order(found: Mapping[str, ir.Value]) -> tuple[tuple[str, ir.Value], ...]:
    """Return constraints in their normal order."""
    return tuple((name, found[name]) for name in CONSTRAINTS if name in found)


def _allowed(kind: ir.Type) -> tuple[str, ...]:
    match kind:
        case ir.Scalar(name="int"):
            return (*_BOUNDS, "strict")
        case ir.Scalar(name="float"):
            return (*_BOUNDS, "allow_inf_nan", "strict")
        case ir.Scalar(name="Decimal"):
            return (*_BOUNDS, *_DIGITS, "allow_inf_nan", "strict")
        case ir.Scalar(name=name) if name in _TEMPORAL:
            return (*_ORDER, "strict")
        case ir.Scalar(name="str"):
            return (*_LENGTHS, "pattern", "strict", "coerce_numbers_to_str")
        case ir.Array() | ir.Tuple(open=True):
            return (*_LENGTHS, "strict", "fail_fast")
        case ir.Scalar(name="bytes") | ir.Table():
            return (*_LENGTHS, "strict")
        case ir.Scalar(name="bool" | "UUID") | ir.Named():
            return ("strict",)
        case ir.Tuple():
            return ("strict", "fail_fast")
        case ir.Union(members=members) if all(map(is_model, members)):
            return ("discriminator",)
        case _:
            return ()


def _reader(name: str, kind: ir.Type) -> Callable[[object], ir.Value | None]:
    if name in ("pattern", "discriminator"):
        return _text
    if name in _FLAGS:
        return _yes_or_no
    if name in _LENGTHS or name in _DIGITS:
        return _count
    if describe(kind) in _TEMPORAL:
        return partial(moment, describe(kind))
    decimal = _decimal_step if name == "multiple_of" else _decimal
    return {"int": _whole, "float": _float}.get(describe(kind), decimal)


def _expected(name: str, kind: ir.Type) -> str:
    if name in _WORDS:
        return _WORDS[name]
    if name in _LENGTHS or name in _DIGITS:
        return "a whole number from 0"
    if describe(kind) in _TEMPORAL:
        return f"a {describe(kind)}"
    number = "a whole number" if describe(kind) == "int" else "a number"
    if name == "multiple_of":
        number += " above 0"
        number += ", of no more digits than a float has" if describe(kind) == "Decimal" else ""
    return number


def _hint(name: str, kind: ir.Type, value: object) -> str:
    """Return what to write instead of a value that a constraint does not take."""
    if isinstance(value, str) and _NUMBER.fullmatch(value) and name not in _WORDS:
        number = float(value) if "." in value else int(value)
        if _reader(name, kind)(number):
            return f"write it without quotes: {value}"
    if name == "pattern":
        return "write a text in quotes"
    example = AS_TEXT.get(describe(kind), "") if describe(kind) in _TEMPORAL and name not in _WORDS else ""
    return f"write {_expected(name, kind)}" + (f" as text: {example}" if example else "")


def _text(value: object) -> ir.Value | None:
    return ir.Atom(value) if isinstance(value, str) else None


def _yes_or_no(value: object) -> ir.Value | None:
    return ir.Atom(value) if isinstance(value, bool) else None


def _whole(value: object) -> ir.Value | None:
    if not isinstance(value, int) or isinstance(value, bool) or not is_writable(value):
        return None
    return ir.Atom(value)


def _count(value: object) -> ir.Value | None:
    return _whole(value) if isinstance(value, int) and 0 <= value < 1 << 62 else None


def _float(value: object) -> ir.Value | None:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53:
        return ir.Atom(float(value))
    return ir.Atom(value) if isinstance(value, float) and abs(value) < float("inf") else None


def _decimal(value: object) -> ir.Value | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        number = Decimal(str(value))
    except (InvalidOperation, ValueError):
        return None
    return ir.Built("Decimal", str(number)) if number.is_finite() else None


def _decimal_step(value: object) -> ir.Value | None:
    """Return a step between decimals: `Field` takes an int or a float, so the step has to be the same as one."""
    read = _decimal(value)
    number = constant(read) if read else Decimal("NaN")
    return ir.Built("Decimal", f"{number.normalize():f}") if number == Decimal(str(float(number))) else None


def _contradiction(name: str, located: Located[object], found: dict[str, ir.Value], report: Report) -> None:
    for low, high in (("ge", "le"), ("gt", "lt"), ("ge", "lt"), ("gt", "le"), ("min_length", "max_length")):
        if name in (low, high) and low in found and high in found:
            least, most = constant(found[low]), constant(found[high])
            if _is_more(least, most) or (
                least == most and (low, high) not in (("ge", "le"), ("min_length", "max_length"))
            ):
                message = f"no value has {low} {least} and {high} {most}"
                report.error(located.span, "bad-constraint", message, "change one of them")
    if name == "multiple_of" and constant(found[name]) <= 0:
        report.error(located.span, "bad-constraint", "multiple_of should be above 0", "write a number above 0")
    if name == "pattern" and (problem := pattern_problem(constant(found[name]))):
        report.error(located.span, "bad-constraint", f"the pattern does not work: {problem}", _PATTERN_HINT)


def _is_more(one: Any, other: Any) -> bool:
    try:
        return bool(one > other)
    except TypeError:  # a moment with a time zone, and one without
        return False
