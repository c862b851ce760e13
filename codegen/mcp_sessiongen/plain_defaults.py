"""Defaults that are seen to fit at once: numbers, texts, choices and collections of them, without constraints.

Most defaults are such, and asking Pydantic takes a thousand times as long. Whatever is not plain is left to it.
"""

from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.declarations import Default

_WHOLE: Final = 1 << 53
"""From here on a float may not hold a whole number; and nothing about long numbers is plain."""


_EMPTY: Final[dict[tuple[str, bool], tuple[type, ...]]] = {
    ("set", True): (list,),
    ("set", False): (set,),
    ("frozenset", True): (list,),
    ("frozenset", False): (frozenset,),
}
"""What an empty collection is, as data of JSON and as a Python object."""


def plain_value(item: ir.Field, default: Default) -> ir.Value | None:
    """Return a default as IR; None when it does not fit, or when that is not plain to see."""
    return None if item.constraints else _fitted(item.type, default.value, is_json=default.mode == "json")


def _fitted(kind: ir.Type, value: object, *, is_json: bool) -> ir.Value | None:
    match kind:
        case ir.Scalar(name=name):
            return _scalar(name, value)
        case ir.Choice(values=values):
            fits = any(type(value) is type(choice) and value == choice for choice in values)
            return ir.Atom(value) if fits and isinstance(value, str | int) else None
        case ir.Union(members=(member, ir.Scalar(name="None"))):
            return ir.Atom(None) if value is None else _fitted(member, value, is_json=is_json)
        case ir.Array(kind="list", item=item) if type(value) is list:
            items = [_fitted(item, inner, is_json=is_json) for inner in value]
            return ir.Items("list", tuple(inner for inner in items if inner)) if all(items) else None
        case ir.Array(kind="set" | "frozenset" as outer) if type(value) in _EMPTY[outer, is_json] and not value:
            return ir.Items(outer, ())
        case ir.Table() if type(value) is dict and not value:
            return ir.Entries(())
        case _:
            return None


def _scalar(name: str, value: object) -> ir.Value | None:
    match value:
        case bool():
            return ir.Atom(value) if name == "bool" and type(value) is bool else None
        case str():
            return ir.Atom(value) if name == "str" and type(value) is str and value.isascii() else None
        case int() if type(value) is int and abs(value) < _WHOLE:
            return ir.Atom(value) if name == "int" else ir.Atom(float(value)) if name == "float" else None
        case float() if type(value) is float and abs(value) < float("inf"):
            return ir.Atom(value) if name == "float" else None
        case _:
            return None
