"""Checks defaults and constraints by trying them: the IR's types as live Pydantic types, and live values as IR.

The only module of the compiler's middle that uses Pydantic. Types are put together from objects; nothing is evaluated.
"""

import base64
import datetime as dt
import functools
import json
import math
import operator
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PydanticUserError, ValidationError, create_model
from pydantic import Field as Constrained
from pydantic_core import SchemaError

from mcp_sessiongen import ir
from mcp_sessiongen.declarations import Default
from mcp_sessiongen.python_text import is_name
from mcp_sessiongen.safe_text import safe_str

_SCALARS: Final[dict[str, Any]] = {
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
_TOO_LARGE: Final = 10**4300  # the digits of `sys.int_info.default_max_str_digits`
M = TypeVar("M", bound=BaseModel)

_ARRAYS: Final[dict[str, Any]] = {"list": list, "set": set, "frozenset": frozenset}

SCALAR_NAMES: Final = {kind: name for name, kind in _SCALARS.items() if kind is not None}
"""The scalars by their classes."""


class Misfit(Exception):
    """A default or constraint that does not fit; the text says why, beginning in lower case."""


class _Value(BaseModel):
    # As the runtime's ValueModel: what is a valid default here is one there.
    model_config = ConfigDict(strict=True, extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")


class _Probe(_Value):
    value: Any


@dataclass
class LiveTypes:
    """Makes live types of the IR's; knows those of a schema's types that are classes already."""

    classes: Mapping[ir.Named | ir.Imported, type]
    made: dict[ir.Named | ir.Imported, type[BaseModel]] = field(default_factory=dict)

    def add(self, model: ir.Model) -> None:
        """Make a model known, after those it uses.

        Raises:
            Misfit: If Pydantic does not accept it.
        """
        fields: dict[str, Any] = {}
        for item in model.fields:
            annotated = self.constrained(item.type, item.constraints)
            fields[item.name] = (annotated, ...) if item.default is None else (annotated, None)
        self.made[ir.Named(model.name)] = _attempt(lambda: create_model(model.name, __base__=_Value, **fields))

    def live(self, kind: ir.Type) -> Any:
        """Return the live type."""
        match kind:
            case ir.Scalar(name=name):
                return _SCALARS[name]
            case ir.Choice(values=values):
                return Literal[values]
            case ir.Array(kind=outer, item=item):
                return _ARRAYS[outer][self.live(item)]
            case ir.Table(key=key, value=value):
                return types.GenericAlias(dict, (self.live(key), self.live(value)))
            case ir.Tuple(items=items, open=is_open):
                inner = tuple(self.live(item) for item in items)
                return types.GenericAlias(tuple, (*inner, ...) if is_open else inner)
            case ir.Union(members=members):
                return functools.reduce(operator.or_, [self.live(member) for member in members])
            case ir.Named() | ir.Imported():
                return self.classes[kind] if kind in self.classes else self.made[kind]

    def constrained(self, kind: ir.Type, constraints: Iterable[tuple[str, ir.Value]]) -> Any:
        """Return the live type with constraints."""
        arguments: dict[str, Any] = {name: _number(value) for name, value in constraints}
        return Annotated[self.live(kind), Constrained(**arguments)] if arguments else self.live(kind)

    def check(self, kind: ir.Type, constraints: Iterable[tuple[str, ir.Value]]) -> None:
        """Try a type with constraints.

        Raises:
            Misfit: If they do not go together.
        """
        self._probe(self.constrained(kind, constraints))

    def value(self, item: ir.Field, default: Default) -> ir.Value:
        """Return a default as IR.

        Raises:
            Misfit: If it is not a value of the field's type.
        """
        probe = self._probe(self.constrained(item.type, item.constraints))
        known = frozenset[type]({*self.classes.values(), *self.made.values()})
        try:
            if default.mode == "json":
                text = json.dumps({"value": default.value})
                return value_of(probe.model_validate_json(text, strict=True).value, known)
            return value_of(probe.model_validate({"value": default.value}, strict=True).value, known)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            where = "".join(f"[{part!r}]" for part in first["loc"][1:] if not _is_branch(part))
            message = first["msg"][:1].lower() + first["msg"][1:]
            raise Misfit(f"at {where}: {message}" if where else message) from None
        except (TypeError, ValueError, RecursionError) as error:
            raise Misfit(f"it has no JSON form ({safe_str(error)})") from None

    def _probe(self, annotation: Any) -> "type[_Probe]":
        return _attempt(lambda: create_model("Probe", __base__=_Probe, value=(annotation, ...)))


def value_of(value: object, known: frozenset[type]) -> ir.Value:
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
            kind = type(value)
            return ir.Member(ir.Imported(kind.__module__, kind.__qualname__, is_enum=True), value.name)
        case float() if not math.isfinite(value):
            return ir.Built("float", str(value))
        case int() if not is_writable(value):
            raise Misfit("it has more digits than Python writes")
        case str() | int() | float() | None if type(value) in (str, int, float, bool, type(None)):
            return ir.Atom(value)
        case list() | tuple() if type(value) in (list, tuple):
            return ir.Items("list" if isinstance(value, list) else "tuple", tuple(map(inner, value)))
        case set() | frozenset():
            items = sorted(map(inner, value), key=lambda item: json.dumps(ir.dump(item)))
            return ir.Items("set" if isinstance(value, set) else "frozenset", tuple(items))
        case dict():
            return ir.Entries(tuple((inner(key), inner(item)) for key, item in value.items()))
        case BaseModel() if type(value) in known:
            given = [name for name in type(value).model_fields if name in value.model_fields_set]
            return ir.Instance(type(value).__qualname__, tuple((name, inner(getattr(value, name))) for name in given))
        case _:
            return _built(value)


def is_writable(value: int) -> bool:
    """Tell whether Python writes a number as text, and reads it back: it has a limit on digits."""
    return abs(value) < _TOO_LARGE


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


def _number(value: ir.Value) -> object:
    match value:
        case ir.Built(type="Decimal", text=text):
            return Decimal(text)
        case ir.Atom(value=plain):
            return plain
        case _:
            raise Misfit("a constraint is a number or a text")


def _attempt(make: Callable[[], type[M]]) -> type[M]:
    try:
        return make()
    except (SchemaError, PydanticUserError, TypeError, ValueError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        message = next((line for line in reversed(lines) if line.startswith("error:")), lines[0])
        raise Misfit(message.removeprefix("error: ")) from None


def _is_branch(part: object) -> bool:
    """Tell whether a part of an error's location names a branch of a union, not a place in the value."""
    return isinstance(part, str) and (part in _SCALARS or "[" in part)
