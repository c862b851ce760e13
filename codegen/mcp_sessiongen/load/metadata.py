"""What is annotated on a type: constraints that can be compiled, and everything else."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import annotated_types
from pydantic.fields import FieldInfo

from mcp_sessiongen.declarations import CONSTRAINTS
from mcp_sessiongen.load.live import is_class, is_key_marker, plain


def constraints_in(metadata: Iterable[Any]) -> tuple[dict[str, object], list[str]]:
    """Return the constraints by name, and the names of what is no constraint that can be compiled."""
    found: dict[str, object] = {}
    others: list[str] = []
    for item in _flattened(metadata):
        if is_key_marker(item) or isinstance(item, str):
            continue
        attributes = _attributes(item)
        said = {name: value for name, value in attributes.items() if value is not None}
        if not attributes:
            others.append(_name_of(item))
        for name, value in said.items():
            if name not in CONSTRAINTS:
                others.append(name if _is_plain(value) else _name_of(item))
            else:
                is_plain = isinstance(value, re.Pattern) and not value.flags & ~re.U
                found[name] = plain(getattr(value, "pattern", value) if is_plain else value)
    return found, others


def _flattened(metadata: Iterable[Any]) -> Iterator[Any]:
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from _flattened(item.metadata)
            if isinstance(item.discriminator, str):
                yield _Discriminated(item.discriminator)
            elif item.discriminator is not None:
                yield item.discriminator
        elif isinstance(item, annotated_types.GroupedMetadata):
            yield from item
        else:
            yield item


class _Discriminated:
    def __init__(self, discriminator: str) -> None:
        self.discriminator = discriminator


def _attributes(item: object) -> dict[str, object]:
    """Return what a constraint object says; all of Pydantic's and annotated_types' have plain attributes."""
    if is_class(item):  # such as Pydantic's Json, which stands for itself
        return {}
    names = getattr(item, "__slots__", None) or getattr(item, "__dataclass_fields__", None)
    if names:
        return {name: getattr(item, name) for name in names if hasattr(item, name)}
    return dict(vars(item)) if hasattr(item, "__dict__") else {}


def _is_plain(value: object) -> bool:
    return isinstance(value, bool | int | float | str)


def _name_of(item: object) -> str:
    return item.__name__ if is_class(item) else type(item).__name__
