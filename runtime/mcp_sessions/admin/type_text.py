"""The types of keys as text: as a Python programmer writes them, without modules and constraints."""

from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, ForwardRef, Literal, Union, get_args, get_origin


def type_text(annotation: Any) -> str:
    """Return the text of a type."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(parts[0])
    if origin is Literal:
        return f"Literal[{', '.join(str(part) if isinstance(part, Enum) else repr(part) for part in parts)}]"
    if origin in (Union, UnionType):
        return " | ".join(dict.fromkeys(map(type_text, parts)))
    if origin is not None and parts:
        return f"{type_text(origin)}[{', '.join(map(type_text, parts))}]"
    if annotation in (None, NoneType):
        return "None"
    if annotation is Ellipsis:
        return "..."
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    if isinstance(annotation, list):  # the parameters of a Callable
        return f"[{', '.join(map(type_text, annotation))}]"
    name = getattr(annotation, "__name__", None)
    return name if isinstance(name, str) else str(annotation).removeprefix("typing.")
