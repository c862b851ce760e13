"""Asks live objects of the user's what they are, without running any code of theirs.

The base classes of the runtime are recognised by name, because the compiler does not import the runtime.
"""

import inspect
import typing
from collections.abc import Iterator
from typing import Any, Final, TypeGuard, get_args

from pydantic.fields import FieldInfo

_BASES: Final = "mcp_sessions.schema"
_KEYS: Final = "mcp_sessions.keys"
_OWN_OPTIONS: Final = ("name", "handle", "create_tool", "end_tool")
"""The class keywords that tell a session from others, so that a subclass must not have the same."""


class TypeProblem(Exception):
    """An annotation that is not acceptable."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


def is_class(value: object) -> TypeGuard[type]:
    """Tell whether a value is a class, without asking it: a `__class__` of the user's may raise."""
    return issubclass(type(value), type)


def attribute(kind: type, name: str) -> Any:
    """Return an attribute of a class, without asking its metaclass."""
    return type.__getattribute__(kind, name)


def derives_from(kind: object, base: str) -> bool:
    """Tell whether something is a proper subclass of the runtime's class of that name."""
    return is_class(kind) and any(is_base(ancestor, base) for ancestor in attribute(kind, "__mro__")[1:])


def is_base(kind: type, name: str) -> bool:
    """Tell whether a class is the runtime's of that name."""
    return (attribute(kind, "__module__"), attribute(kind, "__qualname__")) == (_BASES, name)


def session_options(kind: type) -> dict[str, object]:
    """Return the class keywords of a `SessionModel`: its own, and those of its bases that it does not give itself."""
    found: dict[str, object] = {}
    for ancestor in reversed(attribute(kind, "__mro__")):
        if ancestor is kind or derives_from(ancestor, "SessionModel"):
            given = attribute(ancestor, "__dict__").get("__sessiongen__", {})
            found |= {name: value for name, value in given.items() if ancestor is kind or name not in _OWN_OPTIONS}
    return found


def is_value_type(kind: object) -> bool:
    """Tell whether something is a class that is compiled with the schema: a model or an enumeration."""
    bases = ("ValueModel", "ValueEnum", "ValueIntEnum")
    return any(derives_from(kind, base) for base in bases) and not derives_from(kind, "SessionModel")


def key_options(info: FieldInfo) -> dict[str, object]:
    """Return what the `Key(...)` of a field's annotation says; of several, all that they say."""
    found: dict[str, object] = {}
    for marker in filter(is_key_marker, info.metadata):
        found |= getattr(marker, "options", {})
    return found


def is_secret_key(info: FieldInfo) -> bool:
    """Tell whether the `Key(...)` of a field's annotation says that its values are secret."""
    return key_options(info).get("secret") is True


def key_has_name(info: FieldInfo) -> bool:
    """Tell whether a `Key(...)` of a field's annotation has a name, as those of generated code have."""
    return any(getattr(marker, "name", "") for marker in filter(is_key_marker, info.metadata))


def is_key_marker(item: object) -> bool:
    """Tell whether something is a `Key(...)` of the runtime."""
    kind = type(item)
    return (attribute(kind, "__module__"), attribute(kind, "__qualname__")) == (_KEYS, "Key")


def plain(value: object) -> Any:
    """Return a text or a number without its class, which may be an enumeration or say anything else of itself."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__int__(value)
    return float.__float__(value) if isinstance(value, float) else value


def doc_of(kind: type) -> str:
    """Return a class's own docstring; an inherited one says nothing about it."""
    doc = attribute(kind, "__dict__").get("__doc__")
    return inspect.cleandoc(doc) if isinstance(doc, str) else ""


def is_type_alias(annotation: object) -> bool:
    """Tell whether something is a `type` statement's alias, of whichever Python."""
    kind = type(annotation)
    return kind.__name__ == "TypeAliasType" and kind.__module__ in ("typing", "typing_extensions")


def metadata_in(annotation: Any) -> Iterator[Any]:
    """Yield what is annotated anywhere inside a type, but not in the classes and aliases that it names."""
    yield from getattr(annotation, "__metadata__", ())
    if typing.get_origin(annotation) is typing.Literal:
        return
    for part in get_args(annotation):
        yield from metadata_in(part)
