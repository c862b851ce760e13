"""Values of the IR and live values: the one made of the other. Nothing is evaluated."""

import base64
import datetime as dt
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from functools import cache, partial
from typing import Any, Final, TypeAlias
from uuid import UUID

from pydantic import BaseModel, TypeAdapter

from mcp_sessiongen import ir
from mcp_sessiongen.ir_dump import dump
from mcp_sessiongen.python_text import is_name

SCALARS: Final[dict[str, Any]] = {
    "None": None,
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "bytes": bytes,
    "Decimal": Decimal,
    "date": dt.date,
    "time": dt.time,
    "datetime": dt.datetime,
    "timedelta": dt.timedelta,
    "UUID": UUID,
}
"""The scalars as classes."""

SCALAR_NAMES: Final = {kind: name for name, kind in SCALARS.items() if kind is not None}
"""The scalars by their classes."""

_TOO_LARGE: Final = 10**4300  # the digits of `sys.int_info.default_max_str_digits`

Known: TypeAlias = Mapping[type, ir.Named | ir.Imported]
"""The models and enums that generated code can name, by their classes."""


class Misfit(Exception):
    """A default or constraint that does not fit; the text says why, beginning in lower case."""


def value_of(value: object, known: Known) -> ir.Value:
    """Return a live value as IR.

    Args:
        value: The value.
        known: The models and enums that generated code can name.

    Raises:
        Misfit: If it has no place in generated code.
    """
    inner = partial(value_of, known=known)
    match value:
        case Enum() if type(value) in known and value.name and not is_name(value.name):
            raise Misfit(f"the member {value.name!r} has no name that generated code can use")
        case Enum() if type(value) in known and value.name:
            return ir.Member(known[type(value)], value.name)
        case float() if not math.isfinite(value):
            return ir.Built("float", str(value))
        case int() if not is_writable(value):
            raise Misfit("it has more digits than Python writes")
        case str() | int() | float() | None if type(value) in (str, int, float, bool, type(None)):
            return ir.Atom(value)
        case list() | tuple() if type(value) in (list, tuple):
            return ir.Items("list" if isinstance(value, list) else "tuple", tuple(map(inner, value)))
        case set() | frozenset():
            items = sorted(map(inner, value), key=lambda item: json.dumps(dump(item)))
            return ir.Items("set" if isinstance(value, set) else "frozenset", tuple(items))
        case dict():
            return ir.Entries(tuple((inner(key), inner(item)) for key, item in value.items()))
        case BaseModel() if type(value) in known:
            return _instance(value, known)
        case _:
            return _built(value)


def is_writable(value: int) -> bool:
    """Tell whether Python writes a number as text, and reads it back: it has a limit on digits."""
    return abs(value) < _TOO_LARGE


def moment(kind: str, value: object) -> ir.Value | None:
    """Return a point in time or a time span, given as such or as text; None for anything else."""
    adapter = _adapter(kind)
    try:
        text = isinstance(value, str)
        return _built(adapter.validate_strings(value) if text else adapter.validate_python(value, strict=True))
    except (ValueError, OverflowError):
        return None


def constant(value: ir.Value) -> Any:
    """Return the live value of a constraint.

    Raises:
        Misfit: If it is of a kind that constraints do not have.
    """
    match value:
        case ir.Built(type="Decimal", text=text):
            return Decimal(text)
        case ir.Built(type="timedelta", text=text):
            return dt.timedelta(*map(int, text.split()))
        case ir.Built(type="date" | "time" | "datetime" as kind, text=text):
            return SCALARS[kind].fromisoformat(text)
        case ir.Atom(value=plain):
            return plain
        case _:
            raise Misfit("a constraint is a number, a text or a point in time")


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(SCALARS[kind])


def _instance(value: BaseModel, known: Known) -> ir.Instance:
    kind = type(value)
    home = known[kind]
    given = [name for name in kind.model_fields if name in value.model_fields_set]
    by_name = kind.model_config.get("populate_by_name") or kind.model_config.get("validate_by_name")
    renamed = [name for name in given if kind.model_fields[name].validation_alias and not by_name]
    if renamed:
        raise Misfit(f"{renamed[0]} of {kind.__name__} has an alias, so generated code cannot give it by its name")
    if isinstance(home, ir.Imported) and home.arguments:
        raise Misfit(f"a {kind.__name__} cannot be written into generated code")
    called, module = (home.qualname, home.module) if isinstance(home, ir.Imported) else (home.name, "")
    return ir.Instance(called, tuple((name, value_of(getattr(value, name), known)) for name in given), module)


def _built(value: object) -> ir.Value:
    name = SCALAR_NAMES.get(type(value))
    match value:
        case dt.datetime() | dt.date() | dt.time() if name:
            return ir.Built(name, value.isoformat())
        case dt.timedelta():
            return ir.Built("timedelta", f"{value.days} {value.seconds} {value.microseconds}")
        case Decimal() | UUID():
            return ir.Built(type(value).__name__, str(value))
        case bytes():
            return ir.Built("bytes", base64.b64encode(value).decode())
        case _:
            raise Misfit(f"a {type(value).__name__} cannot be written into generated code")
