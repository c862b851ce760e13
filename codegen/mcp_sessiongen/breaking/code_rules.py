"""The rules of the category `code`: what type-checked against the released module and would not any more."""

from collections.abc import Hashable, Iterator
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.subject import Pair, Schema, finding
from mcp_sessiongen.diagnostics import Diagnostic
from mcp_sessiongen.naming import class_names
from mcp_sessiongen.type_parts import without_none
from mcp_sessiongen.type_rules import describe

_TYPE: Final = "breaking-value-type"
_KEEP: Final = "keep it, deprecated, for a release"


def accessors(pair: Pair) -> Iterator[Diagnostic]:
    """Find methods of an accessor that are gone, or have other types."""
    if pair.was.stem != pair.now.stem:
        _, _, accessor = class_names(pair.new.name)
        message = f"{accessor} was in module {pair.was.stem!r} and is in {pair.now.stem!r}"
        yield finding(pair.place(), "breaking-name-removed", message, "move the session back, or say it to its users")
    for name in pair.old_keys:
        if name not in pair.new_keys:
            key = pair.renamed[name].name if name in pair.renamed else ""
            message = f"the methods of key {name!r} are gone: get_{name} and the like"
            yield finding(pair.place(key), "breaking-name-removed", message, _KEEP)
    for old, new in pair.kept:
        if _as_python(old.type) != _as_python(new.type) and not _only_sets_more(old, new):
            message = f"the methods of key {new.name!r} had type {describe(old.type)} and have {describe(new.type)}"
            hint = "add a key of the new type beside this one"
            yield finding(pair.place(new.name), "breaking-accessor-type", message, hint)
        elif old.default is not None and new.default is None and without_none(new.type) == new.type:
            message = f"get_{new.name} gives {describe(new.type)} | None: the default is gone"
            yield finding(pair.place(new.name), "breaking-default-removed", message, "keep a default")


def _only_sets_more(old: ir.Field, new: ir.Field) -> bool:
    """Tell whether T became T? where reading gives T | None anyway."""
    return old.default is None and new.default is None and without_none(new.type) == old.type


def value_types(was: Schema, now: Schema) -> Iterator[Diagnostic]:
    """Find value types that are gone, or that code cannot use as before."""
    models, enums = now.types.models, now.types.enums
    for old in was.module.models:
        if old.name in models:
            yield from _fields(old, models[old.name], now)
        else:
            yield _gone(old.name, now)
    for enum in was.module.enums:
        if enum.name in enums:
            yield from _members(enum, enums[enum.name], now)
        else:
            yield _gone(enum.name, now)


def _gone(name: str, now: Schema) -> Diagnostic:
    is_other = name in now.module.type_names
    message = f"type {name} is {'another kind of type' if is_other else 'gone'}"
    return finding(now.place(name) if is_other else now.top, _TYPE, message, "keep it for a release")


def _fields(old: ir.Model, new: ir.Model, now: Schema) -> Iterator[Diagnostic]:
    theirs = {field.name: field for field in new.fields}
    for field in old.fields:
        twin = theirs.pop(field.name, None)
        if twin is None:
            yield finding(now.place(new.name), _TYPE, f"field {field.name!r} of {new.name} is gone", "keep it")
        elif _as_python(field.type) != _as_python(twin.type):
            message = f"field {field.name!r} of {new.name} was {describe(field.type)} and is {describe(twin.type)}"
            yield finding(now.place(new.name, field.name), _TYPE, message, "add a field of the new type")
        elif field.default is not None and twin.default is None:
            yield _required(twin, new, now)
    for field in theirs.values():
        if field.default is None:
            yield _required(field, new, now)


def _required(field: ir.Field, model: ir.Model, now: Schema) -> Diagnostic:
    message = f"field {field.name!r} of {model.name} has to be given now"
    return finding(now.place(model.name, field.name), _TYPE, message, "give it a default")


def _members(old: ir.Enumeration, new: ir.Enumeration, now: Schema) -> Iterator[Diagnostic]:
    values = {member.name: member.value for member in new.members}
    for member in old.members:
        if member.name not in values:
            message = f"{new.name}.{member.name} is gone"
        elif values[member.name] != member.value:
            message = f"{new.name}.{member.name} was {member.value!r} and is {values[member.name]!r}"
        else:
            continue
        yield finding(now.place(new.name), _TYPE, message, "keep the member as it was")


def _as_python(kind: ir.Type) -> Hashable:
    """Return what a type is to a type checker: without constraints, and without the order of what has none."""
    match kind:
        case ir.Constrained(type=inner):
            return _as_python(inner)
        case ir.Choice(values=values):
            return "choice", frozenset((type(value), value) for value in values)
        case ir.Union(members=members):
            return "union", frozenset(map(_as_python, members))
        case ir.Array(kind=outer, item=item):
            return outer, _as_python(item)
        case ir.Table(key=key, value=value):
            return "dict", _as_python(key), _as_python(value)
        case ir.Tuple(items=items, open=is_open):
            return "tuple", is_open, tuple(map(_as_python, items))
        case ir.Imported(module=module, qualname=qualname, arguments=arguments):
            return "imported", module, qualname, tuple(map(_as_python, arguments))
        case ir.Named(name=name) | ir.Scalar(name=name):
            return "name", name
