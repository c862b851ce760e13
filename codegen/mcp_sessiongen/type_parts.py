"""Types of the IR taken apart and put together: what they are made of, and which types of a schema they refer to."""

from collections.abc import Callable
from dataclasses import replace

from mcp_sessiongen import ir


def union_of(members: tuple[ir.Type, ...]) -> ir.Type:
    """Return the union in its one normal form: flat, without repetition, None last."""
    flat: dict[ir.Type, None] = {}
    for member in members:
        flat.update(dict.fromkeys(member.members if isinstance(member, ir.Union) else (member,)))
    ordered = [member for member in flat if member != ir.NONE] + [ir.NONE] * (ir.NONE in flat)
    return ordered[0] if len(ordered) == 1 else ir.Union(tuple(ordered))


def without_none(kind: ir.Type) -> ir.Type:
    """Return the type less its None, if it has one."""
    if not isinstance(kind, ir.Union):
        return kind
    return union_of(tuple(member for member in kind.members if member != ir.NONE))


def parts_of(kind: ir.Type) -> tuple[ir.Type, ...]:
    """Return the types that a type is made of."""
    match kind:
        case ir.Array(item=item):
            return (item,)
        case ir.Table(key=key, value=value):
            return (key, value)
        case ir.Tuple(items=items):
            return items
        case ir.Union(members=members):
            return members
        case ir.Imported(arguments=arguments):
            return arguments
        case ir.Constrained(type=inner):
            return (inner,)
        case _:
            return ()


def with_parts(kind: ir.Type, change: Callable[[ir.Type], ir.Type]) -> ir.Type:
    """Return a type of the same form with every part changed."""
    match kind:
        case ir.Array(kind=outer, item=item):
            return ir.Array(outer, change(item))
        case ir.Table(key=key, value=value):
            return ir.Table(change(key), change(value))
        case ir.Tuple(items=items):
            return replace(kind, items=tuple(map(change, items)))
        case ir.Union(members=members):
            return union_of(tuple(map(change, members)))
        case ir.Imported(arguments=arguments) if arguments:
            return replace(kind, arguments=tuple(map(change, arguments)))
        case ir.Constrained(type=inner):
            return replace(kind, type=change(inner))
        case _:
            return kind


def bare(kind: ir.Type) -> ir.Type:
    """Return a type without the constraints inside of it: what type checkers see."""
    return bare(kind.type) if isinstance(kind, ir.Constrained) else with_parts(kind, bare)


def unwrapped(kind: ir.Type) -> tuple[ir.Type, tuple[tuple[str, ir.Value], ...]]:
    """Return a type without the constraints around it, and these."""
    if not isinstance(kind, ir.Constrained):
        return kind, ()
    inner, constraints = unwrapped(kind.type)
    return inner, (*constraints, *kind.constraints)


def is_model(kind: ir.Type) -> bool:
    """Tell whether the values of a type are models, as far as is known of imported ones."""
    match kind:
        case ir.Named(forms=forms):
            return not forms
        case ir.Imported(is_enum=is_enum, forms=forms):
            return not is_enum and not forms
        case _:
            return False


def named_in(kind: ir.Type) -> tuple[ir.Named, ...]:
    """Return the value types of this schema that a type refers to, in order."""
    if isinstance(kind, ir.Named):
        return (kind,)
    return tuple(found for part in parts_of(kind) for found in named_in(part))


def names_in(kind: ir.Type) -> tuple[str, ...]:
    """Return the names of the value types that a type refers to, in order."""
    return tuple(found.name for found in named_in(kind))


def types_of(session: ir.Session, module: ir.Module) -> tuple[ir.Model | ir.Enumeration, ...]:
    """Return the value types that a session uses, directly or not: models, then enumerations, each as they stand."""
    table = {model.name: model for model in module.models}
    used: set[str] = set()
    waiting = [name for key in session.keys for name in names_in(key.type)]
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            fields = table[name].fields if name in table else ()
            waiting.extend(inner for field in fields for inner in names_in(field.type))
    models = tuple(model for model in module.models if model.name in used)
    return (*models, *(enum for enum in module.enums if enum.name in used))
