"""Live Pydantic types made of the IR's, to try defaults with.

The only module of the compiler's middle that uses Pydantic. Types are put together from objects; the one thing that
Pydantic looks up by name is a model of this schema in a model that it uses.
"""

import functools
import json
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Final, ForwardRef, Literal, TypeVar, Union, cast

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, TypeAdapter, ValidationError, create_model
from pydantic_core import SchemaError

from mcp_sessiongen import ir
from mcp_sessiongen.declarations import Default
from mcp_sessiongen.plain_defaults import plain_value
from mcp_sessiongen.safe_text import safe_str
from mcp_sessiongen.type_parts import parts_of
from mcp_sessiongen.values import SCALARS, Known, Misfit, constant, value_of

_ARRAYS: Final[dict[str, Any]] = {"list": list, "set": set, "frozenset": frozenset}
M = TypeVar("M")


class _Value(BaseModel):
    # As the runtime's ValueModel: what is a valid default here is one there.
    model_config = ConfigDict(strict=True, extra="forbid", val_json_bytes="base64", ser_json_bytes="base64")


class _Probe(_Value):
    value: Any


@dataclass
class LiveTypes:
    """Makes live types of the IR's.

    Attributes:
        classes: Types that exist in Python already.
        models: The models of the schema; it does not matter yet what their defaults are.
        enums: The enumerations of the schema.
        made: The classes that were made for models and enumerations.
    """

    classes: Mapping[ir.Named | ir.Imported, Any]
    models: Mapping[str, ir.Model]
    enums: Mapping[str, ir.Enumeration]
    made: dict[ir.Named | ir.Imported, type] = field(default_factory=dict)
    _making: set[str] = field(default_factory=set)

    def live(self, kind: ir.Type) -> Any:
        """Return the live type."""
        match kind:
            case ir.Scalar(name=name):
                return SCALARS[name]
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
                return Union[tuple(self.live(member) for member in members)]  # noqa: UP007  # the members are data
            case ir.Constrained(type=inner, constraints=constraints):
                return self.constrained(inner, constraints)
            case ir.Named():
                return self._named(kind)
            case ir.Imported(arguments=arguments) if arguments and kind not in self.classes:
                base = self.classes[ir.Imported(kind.module, kind.qualname)]
                return base[tuple(self.live(argument) for argument in arguments)]
            case ir.Imported():
                return self.classes[kind]

    def constrained(self, kind: ir.Type, constraints: Iterable[tuple[str, ir.Value]]) -> Any:
        """Return the live type with constraints."""
        arguments: dict[str, Any] = {name: constant(value) for name, value in constraints}
        return Annotated[self.live(kind), Field(**arguments)] if arguments else self.live(kind)

    def value(self, item: ir.Field, default: Default) -> ir.Value:
        """Return a default as IR.

        Raises:
            Misfit: If it is not a value of the field's type.
        """
        plain = plain_value(item, default)
        if plain is not None:
            return plain
        probe = self.probe(item.type, item.constraints)
        try:
            if default.mode == "json":
                text = json.dumps({"value": default.value})
                return value_of(probe.model_validate_json(text, strict=True).value, self._known())
            return value_of(probe.model_validate({"value": default.value}, strict=True).value, self._known())
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            where = "".join(f"[{part!r}]" for part in first["loc"][1:] if not _is_branch(part))
            message = first["msg"][:1].lower() + first["msg"][1:]
            raise Misfit(f"at {where}: {message}" if where else message) from None
        except (TypeError, ValueError, RecursionError) as error:
            raise Misfit(f"it has no JSON form ({safe_str(error)})") from None

    def probe(self, kind: ir.Type, constraints: tuple[tuple[str, ir.Value], ...]) -> type[_Probe]:
        """Return a model with one field, `value`, of a type."""
        if _is_general(kind):
            return _general_probe(kind, constraints)
        annotation = self.constrained(kind, constraints)
        return _attempt(lambda: create_model("Probe", __base__=_Probe, value=(annotation, ...)))

    def _known(self) -> Known:
        classes = {live: kind for kind, live in self.classes.items() if issubclass(type(live), type)}
        return {**classes, **{live: kind for kind, live in self.made.items()}}

    def _named(self, kind: ir.Named) -> Any:
        for table in (self.classes, self.made):
            if kind in table:
                return table[kind]
        if kind.name in self._making:
            return ForwardRef(kind.name)
        if kind.name in self.enums:
            self.made[kind] = _enum_class(self.enums[kind.name])
        else:
            self._make(kind)
        return self.made[kind]

    def _make(self, kind: ir.Named) -> None:
        self._making.add(kind.name)
        fields: dict[str, Any] = {}
        for item in self.models[kind.name].fields:
            annotated = self.constrained(item.type, item.constraints)
            fields[item.name] = (annotated, ...) if item.default is None else (annotated, None)
        self.made[kind] = _attempt(lambda: create_model(kind.name, __base__=_Value, **fields))
        self._making.discard(kind.name)
        if not self._making:
            by_name = {made.__name__: made for made in self.made.values()}
            for made in self.made.values():
                if issubclass(made, BaseModel) and not made.__pydantic_complete__:
                    _attempt(functools.partial(made.model_rebuild, force=True, _types_namespace=by_name))


@functools.lru_cache(maxsize=1000)
def pattern_problem(pattern: str) -> str:
    """Say why a regular expression does not work; "" when it does."""
    try:
        _attempt(lambda: TypeAdapter(Annotated[str, Field(pattern=pattern)]))
    except Misfit as misfit:
        return str(misfit)
    return ""


def _is_general(kind: ir.Type) -> bool:
    """Tell whether a type means the same in every schema."""
    return not isinstance(kind, ir.Named | ir.Imported) and all(map(_is_general, parts_of(kind)))


@functools.lru_cache(maxsize=1000)
def _general_probe(kind: ir.Type, constraints: tuple[tuple[str, ir.Value], ...]) -> type[_Probe]:
    annotation = LiveTypes({}, {}, {}).constrained(kind, constraints)
    return _attempt(lambda: create_model("Probe", __base__=_Probe, value=(annotation, ...)))


def _enum_class(enum: ir.Enumeration) -> type:
    members = [(member.name, member.value) for member in enum.members]
    make: Any = StrEnum if all(isinstance(value, str) for _, value in members) else IntEnum
    return cast("type", make(enum.name, members))


def _attempt(make: Callable[[], M]) -> M:
    try:
        return make()
    except (SchemaError, PydanticUserError, TypeError, ValueError, RecursionError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        message = next((line for line in reversed(lines) if line.startswith("error:")), lines[0])
        raise Misfit(message.removeprefix("error: ")) from None


def _is_branch(part: object) -> bool:
    """Tell whether a part of an error's location names a branch of a union, not a place in the value."""
    return isinstance(part, str) and (part in SCALARS or "[" in part)
