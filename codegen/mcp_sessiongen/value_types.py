"""Values of the IR and their types: which member of a union a value is of, and which types checkers guess wrongly."""

from mcp_sessiongen import ir
from mcp_sessiongen.type_parts import parts_of, without_none


def is_narrowed(kind: ir.Type) -> bool:
    """Tell whether checkers may infer a narrower type from a value: of Literals, unions and tuples they do."""
    return isinstance(kind, ir.Choice | ir.Union | ir.Tuple) or any(map(is_narrowed, parts_of(kind)))


def member_of(kind: ir.Union, value: ir.Value) -> ir.Type | None:
    """Return the first member of a union that a value is of; None if that cannot be told."""
    return next((member for member in kind.members if fits(value, member)), None)


def is_optional(kind: ir.Union) -> bool:
    """Tell whether a union is of one type and None."""
    return not isinstance(without_none(kind), ir.Union)


def fits(value: ir.Value, kind: ir.Type) -> bool:
    """Tell whether a value is of a type that has no constraints in it."""
    match value, kind:
        case _, ir.Union(members=members):
            return any(fits(value, member) for member in members)
        case ir.Atom(value=plain), ir.Scalar(name=name):
            return name == ("None" if plain is None else type(plain).__name__)
        case ir.Atom(value=plain), ir.Choice(values=values):
            return any(plain == choice and type(plain) is type(choice) for choice in values)
        case ir.Built(type=built), ir.Scalar(name=name):
            return built == name
        case ir.Items(kind="tuple", items=items), ir.Tuple(items=kinds, open=True):
            return all(fits(item, kinds[0]) for item in items)
        case ir.Items(kind="tuple", items=items), ir.Tuple(items=kinds):
            return len(items) == len(kinds) and all(map(fits, items, kinds))
        case ir.Items(kind=outer, items=items), ir.Array(kind=same, item=item):
            return outer == same and all(fits(one, item) for one in items)
        case ir.Entries(entries=entries), ir.Table(key=key, value=inner):
            return all(fits(one, key) and fits(other, inner) for one, other in entries)
        case ir.Instance(name=name, module=module), ir.Imported():
            return (module, name) == (kind.module, kind.qualname)
        case ir.Instance(name=name, module=""), ir.Named():
            return name == kind.name
        case ir.Member(type=home), _:
            return home == kind
        case _:
            return False
