"""Unions in a model of the user's: they may stay when Pydantic gives back what was stored."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from itertools import combinations
from typing import Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from typing_extensions import is_typeddict

from mcp_sessiongen import ir
from mcp_sessiongen.type_rules import describe, json_forms

Classes: TypeAlias = Mapping[ir.Named | ir.Imported, Any]
Fields: TypeAlias = dict[str, tuple[bool, Any]]
"""The fields of a class: whether each is required, and its annotation."""


def union_problem(members: tuple[ir.Type, ...], classes: Classes) -> tuple[str, str, str] | None:
    """Return code, message and hint for the first two members that a stored value could be confused between.

    Args:
        members: Those of the union.
        classes: What the IR's types are in Python.
    """
    for one, other in combinations(members, 2):
        if not _are_distinct(one, other, classes):
            return "ambiguous-type", *_explained(one, other)
    return None


def _explained(one: ir.Type, other: ir.Type) -> tuple[str, str]:
    shared = json_forms(one) & json_forms(other)
    if not shared:
        message = f"{describe(one)} and {describe(other)} hold values that are equal to Python, as 1 and True are"
        return message, "keep one of the two, or make two keys of it"
    message = f"{describe(one)} and {describe(other)} are both {' or '.join(sorted(shared))} in JSON: a stored value"
    is_model = "an object" in shared and all(isinstance(kind, ir.Imported) for kind in (one, other))
    hint = (
        'give each a field such as  kind: Literal["..."]' if is_model else "keep one of the two, or make two keys of it"
    )
    return f"{message} could be read as the other", hint


def _are_distinct(one: ir.Type, other: ir.Type, classes: Classes) -> bool:
    """Tell whether Pydantic reads values of each as what they were, whichever they are."""
    if _swallows_booleans(one, other) or _swallows_booleans(other, one):
        return False
    if not json_forms(one) & json_forms(other):
        return True
    match one, other:
        case (ir.Scalar(name="int" | "float"), ir.Scalar(name="int" | "float")):
            return True  # 1 and 1.0 are different texts in JSON
        case (ir.Choice() | ir.Scalar(name="str" | "int"), ir.Choice() | ir.Scalar(name="str" | "int")):
            return True  # whichever is read, it is the same value
        case (ir.Array(kind=kind, item=item), ir.Array(kind=other_kind, item=other_item)) if kind == other_kind:
            return _are_distinct(item, other_item, classes)
        case (ir.Table(key=key, value=value), ir.Table(key=other_key, value=other_value)) if key == other_key:
            return _are_distinct(value, other_value, classes)
        case (ir.Tuple(items=items, open=False), ir.Tuple(items=other_items, open=False)):
            return len(items) != len(other_items)
        case (ir.Imported(), ir.Imported()):
            return _are_told_apart(classes.get(one), classes.get(other))
        case _:
            return False


def _swallows_booleans(choice: ir.Type, kind: ir.Type) -> bool:
    """Tell whether a Literal takes booleans for its numbers: 0 == False, and 1 == True."""
    has_both = isinstance(choice, ir.Choice) and any(type(value) is int and value in (0, 1) for value in choice.values)
    return has_both and "true and false" in json_forms(kind)


def _are_told_apart(one: Any, other: Any) -> bool:
    if _are_named_tuples(one, other):
        return len(one._fields) != len(other._fields) and not one._field_defaults and not other._field_defaults
    first, second = _fields_of(one), _fields_of(other)
    if first is None or second is None:
        return False
    if _have_disjoint_literals(first, second):
        return True
    return _is_safe(one, first, second) and _is_safe(other, second, first)


def _are_named_tuples(*kinds: Any) -> bool:
    return all(isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields") for kind in kinds)


def _is_safe(kind: Any, own: Fields, other: Fields) -> bool:
    """Tell whether a stored value of a class is never read as the other: it fails there, or fits here better."""
    if any(required and name not in own for name, (required, _) in other.items()):
        return True
    # Pydantic prefers the model of which more fields were given, and all of them are stored.
    return isinstance(kind, type) and issubclass(kind, BaseModel) and bool(own.keys() - other.keys())


def _have_disjoint_literals(one: Fields, other: Fields) -> bool:
    for name in one.keys() & other.keys():
        values, others = (_literals(table[name][1]) for table in (one, other))
        if values and others and not values & others:
            return True
    return False


def _literals(annotation: Any) -> frozenset[tuple[str, Any]]:
    if get_origin(annotation) is not Literal:
        return frozenset()
    return frozenset((type(value).__name__, value) for value in get_args(annotation))


def _fields_of(kind: Any) -> Fields | None:
    origin = get_origin(kind) or kind
    if isinstance(origin, type) and issubclass(origin, BaseModel):
        return {name: (info.is_required(), info.annotation) for name, info in origin.model_fields.items()}
    try:
        hints = get_type_hints(origin)
    except (TypeError, NameError):
        return None
    if is_typeddict(origin):
        return {name: (name in origin.__required_keys__, hint) for name, hint in hints.items()}
    if isinstance(origin, type) and is_dataclass(origin):
        optional = {
            item.name for item in fields(origin) if item.default is not MISSING or item.default_factory is not MISSING
        }
        return {item.name: (item.name not in optional, hints.get(item.name)) for item in fields(origin)}
    return None
