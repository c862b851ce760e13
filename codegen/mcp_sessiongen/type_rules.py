"""What is known about types: the scalars there are, and which types survive a trip through JSON.

Used for type expressions of YAML schemas and for annotations of Python schemas alike, so that both accept the same.
"""

from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.type_parts import is_model, parts_of

SCALARS: Final = (
    "str",
    "int",
    "float",
    "bool",
    "bytes",
    "Decimal",
    "date",
    "time",
    "datetime",
    "timedelta",
    "UUID",
)
CONTAINERS: Final = ("list", "dict", "set", "frozenset", "tuple", "Literal", "Optional", "Union")

SYNONYMS: Final = {
    "string": "str",
    "text": "str",
    "integer": "int",
    "number": "float",
    "double": "float",
    "boolean": "bool",
    "array": "list",
    "sequence": "list",
    "object": "dict",
    "map": "dict",
    "mapping": "dict",
    "timestamp": "datetime",
    "duration": "timedelta",
    "money": "Decimal",
    "null": "None",
    "enum": "Literal",
}
"""What other languages call our types."""

_KEY_SCALARS: Final = frozenset({"str", "int", "UUID", "date", "time", "datetime"})
_UNHASHABLE: Final = (ir.Array, ir.Table)


def problem_with(kind: ir.Type) -> tuple[str, str, str] | None:
    """Return code, message and hint for the outermost thing wrong with a type whose parts are fine."""
    match kind:
        case ir.Table(key=key) if not _is_dict_key(key):
            message = f"a dict with keys of type {describe(key)} cannot be stored as JSON"
            return "bad-type", message, "keys can be str, int, UUID, date, time, datetime, Literal or Enum of text"
        case ir.Array(kind="set" | "frozenset" as outer, item=item) if not _is_hashable(item):
            return "bad-type", f"{describe(item)} cannot be in a {outer}: it is not hashable", "use a list"
        case ir.Union(members=members):
            return _union_problem(members)
        case _:
            return None


def describe(kind: ir.Type) -> str:
    """Return a type as people write it."""
    match kind:
        case ir.Scalar(name=name) | ir.Named(name=name):
            return name
        case ir.Imported(qualname=qualname, arguments=arguments):
            return qualname + (f"[{', '.join(map(describe, arguments))}]" if arguments else "")
        case ir.Constrained(type=inner):
            return describe(inner)
        case ir.Choice(values=values):
            return f"Literal[{', '.join(map(repr, values))}]"
        case ir.Array(kind=outer, item=item):
            return f"{outer}[{describe(item)}]"
        case ir.Table(key=key, value=value):
            return f"dict[{describe(key)}, {describe(value)}]"
        case ir.Tuple(items=items, open=is_open):
            within = [describe(item) for item in items] + ["..."] * is_open
            return f"tuple[{', '.join(within) or '()'}]"
        case ir.Union(members=members):
            return " | ".join(map(describe, members))


def _is_dict_key(kind: ir.Type) -> bool:
    match kind:
        case ir.Scalar(name=name):
            return name in _KEY_SCALARS
        case ir.Choice(values=values):
            return all(isinstance(value, str) for value in values)
        case ir.Named(forms=forms) | ir.Imported(forms=forms):
            return forms == ("text",)
        case ir.Constrained(type=inner):
            return _is_dict_key(inner)
        case _:
            return False


def _is_hashable(kind: ir.Type) -> bool:
    if isinstance(kind, ir.Array):
        return kind.kind == "frozenset" and _is_hashable(kind.item)
    if isinstance(kind, ir.Named):
        return bool(kind.forms)
    return not isinstance(kind, _UNHASHABLE) and all(map(_is_hashable, parts_of(kind)))


def _union_problem(members: tuple[ir.Type, ...]) -> tuple[str, str, str] | None:
    """Return what is wrong with a union, but for several models: whether they can be told apart is not known yet."""
    seen: dict[ir.JsonForm, ir.Type] = {}
    for member in members:
        twin = next((other for other in seen.values() if _are_equal_to_python(other, member)), None)
        if twin:
            message = f"{describe(twin)} and {describe(member)} hold values that are equal to Python, as 1 and True are"
            return "ambiguous-type", message, "keep one of the two, or make two keys of it"
        for form in sorted(json_forms(member)):
            if form in seen and not (is_model(member) and is_model(seen[form])):
                message = (
                    f"{describe(seen[form])} and {describe(member)} are both {form} in JSON: the union is ambiguous"
                )
                return "ambiguous-type", message, "keep one of the two, or make two keys of it"
            seen[form] = member
    return None


def _are_equal_to_python(one: ir.Type, other: ir.Type) -> bool:
    """Tell whether a Literal would swallow numbers or booleans of another type: 0 == False, and 1 == True."""
    for choice, kind in ((one, other), (other, one)):
        is_literal = isinstance(choice, ir.Choice) and any(value in (0, 1) for value in choice.values)
        if is_literal or (isinstance(choice, ir.Named | ir.Imported) and "a number" in choice.forms):
            return bool(json_forms(kind) & {"a number", "true and false"})
    return False


def json_forms(kind: ir.Type) -> frozenset[ir.JsonForm]:
    """Return what the values of a type can be in JSON."""
    match kind:
        case ir.Scalar(name="None"):
            return frozenset({"null"})
        case ir.Scalar(name="bool"):
            return frozenset({"true and false"})
        case ir.Scalar(name="int" | "float"):
            return frozenset({"a number"})
        case ir.Scalar():
            return frozenset({"text"})
        case ir.Choice(values=values):
            return frozenset(_literal_form(value) for value in values)
        case ir.Array() | ir.Tuple():
            return frozenset({"an array"})
        case ir.Imported(is_enum=is_enum, forms=forms) if is_enum or forms:
            return frozenset(forms)
        case ir.Named(forms=forms) if forms:
            return frozenset(forms)
        case ir.Constrained(type=inner):
            return json_forms(inner)
        case ir.Table() | ir.Named() | ir.Imported():
            return frozenset({"an object"})
        case ir.Union(members=members):
            return frozenset(form for member in members for form in json_forms(member))


def _literal_form(value: str | int | bool) -> ir.JsonForm:
    if isinstance(value, bool):
        return "true and false"
    return "text" if isinstance(value, str) else "a number"
