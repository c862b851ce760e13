"""Refuses types of the user's that lose data on their way through JSON, wherever in them that happens.

What cannot be told from the types is left to the runtime, which reads again what it is about to write.
"""

import collections.abc
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field, is_dataclass
from enum import Enum
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Secret, SecretBytes, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from mcp_sessiongen.load.live import TypeProblem, is_class, is_type_alias
from mcp_sessiongen.load.serializers import serializer_problem

_HINT: Final = "store another model, made of what is to be kept"
_SECRET_HINT: Final = "make it a text, and say that it is secret on the key:  Key(secret=True),  in YAML  secret: true"
_SECRETS: Final = (SecretStr, SecretBytes, Secret)


def is_secret(kind: Any) -> bool:
    """Tell whether values of a type are masked when they are written."""
    return is_class(kind) and issubclass(kind, _SECRETS)


def secret_problem(where: str) -> TypeProblem:
    """Return the refusal of a secret."""
    return TypeProblem("unsupported", f"{where} is a secret: JSON has only asterisks for it", _SECRET_HINT)


def require_storable(annotation: Any) -> None:
    """Refuse a type that loses data on its way through JSON.

    Raises:
        TypeProblem: If a field is left out, masked, or written as what it is not read from.
    """
    _Walk().through(annotation, "")


def require_storable_field(model: type[BaseModel], name: str, info: FieldInfo) -> None:
    """Refuse a field of a model that becomes a key, as it would be refused inside of one.

    Raises:
        TypeProblem: If it loses data.
    """
    _Walk().through_field(model, name, info, f"{model.__name__}.{name}")


@dataclass
class _Walk:
    seen: set[int] = field(default_factory=set)

    def through(self, annotation: Any, path: str) -> None:
        origin = get_origin(annotation)
        if origin is Annotated:
            self.through(get_args(annotation)[0], path)
        elif is_secret(origin or annotation):
            raise secret_problem(path or annotation.__name__)
        elif origin in (Union, types.UnionType):
            for member in get_args(annotation):
                self.through(member, path)
        elif origin is Literal:
            return
        elif is_type_alias(annotation) or is_type_alias(origin):
            self.once(origin or annotation, path)
            for argument in get_args(annotation):
                self.through(argument, path)
        elif isinstance(annotation, typing.NewType):
            self.through(annotation.__supertype__, path)
        elif is_class(origin or annotation):
            self.through_class(origin or annotation, get_args(annotation), path)

    def once(self, alias: Any, path: str) -> None:
        if id(alias) not in self.seen:
            self.seen.add(id(alias))
            self.through(alias.__value__, path)

    def through_class(self, kind: type, arguments: tuple[Any, ...], path: str) -> None:
        if issubclass(kind, collections.abc.Mapping) and len(arguments) == 2 and not is_typeddict(kind):
            self.require_key(arguments[0], path)
            self.through(arguments[1], f"{path}[]")
            return
        for argument in arguments:
            self.through(argument, f"{path}[]" if path else path)
        if id(kind) in self.seen:
            return
        self.seen.add(id(kind))
        start = path or kind.__name__.partition("[")[0]
        if issubclass(kind, BaseModel):
            problem = serializer_problem(kind, start)
            if problem:
                raise TypeProblem("unsupported", problem, _HINT)
            for name, info in kind.model_fields.items():
                self.through_field(kind, name, info, f"{start}.{name}")
            return
        for name, hint in _hints_of(kind):
            self.through(hint, f"{start}.{name}")

    def through_field(self, model: type[BaseModel], name: str, info: FieldInfo, path: str) -> None:
        if info.exclude:
            raise TypeProblem("unsupported", f"{path} is excluded from JSON, so it would be lost", _HINT)
        self.through(info.annotation, path)

    def require_key(self, key: Any, path: str) -> None:
        """Refuse keys of a dict that JSON has no text for, or that are not read back from it."""
        kind = get_origin(key) or key
        bad = kind is types.NoneType or (
            is_class(kind)
            and (issubclass(kind, BaseModel | tuple | frozenset) or is_dataclass(kind) or not _enum_keys_return(kind))
        )
        if bad:
            where = f"the keys of {path}" if path else "the keys of the dict"
            message = f"{where} are of type {getattr(kind, '__name__', kind)}, which is no key in JSON"
            raise TypeProblem("unsupported", message, "use texts or numbers as keys, or a list of pairs")


def _enum_keys_return(kind: type) -> bool:
    """Tell whether the members of an enum, if it is one, are read back from the keys of an object."""
    if not issubclass(kind, Enum):
        return True
    try:
        keyed: Any = types.GenericAlias(dict, (kind, int))
        adapter = TypeAdapter[Any](keyed)
        return all(list(adapter.validate_json(adapter.dump_json({member: 1}))) == [member] for member in kind)
    except Exception:  # the user's enum may have code of its own
        return False


def _hints_of(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a dataclass, TypedDict or NamedTuple."""
    if is_dataclass(kind) or is_typeddict(kind) or hasattr(kind, "_fields"):
        try:
            yield from typing.get_type_hints(kind).items()
        except (NameError, TypeError):
            return
