"""`get` and `set` by the name of a key.

They come last in the class, because the method `set` hides the builtin from every annotation after it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mcp_sessiongen.accessors import Method, call, method, signature
from mcp_sessiongen.imports import Imports
from mcp_sessiongen.key_text import KeyText
from mcp_sessiongen.python_text import Code, lit


@dataclass(frozen=True)
class Overload:
    """A variant of a method."""

    decorators: tuple[Code, ...]
    signature: Code


@dataclass(frozen=True)
class ByName:
    """`get` or `set` by key name: its variants, if keys differ in type, and the method itself."""

    overloads: tuple[Overload, ...]
    method: Method


def get_by_name(alias: str, keys: Sequence[KeyText], imports: Imports) -> ByName:
    """Return `get`: one overload for each type that reading gives."""
    groups = _grouped((key.read, key) for key in keys)
    docs = ["Read one key by its name."]
    parameter = f"key: {alias}"
    if len(groups) == 1:
        body = call("_get", call("self._pick", "key", keys[0].constant))
        made = method(signature("get", [parameter], keys[0].read), docs, body)
        return ByName((), replace(made, decorators=keys[0].decorators))
    imports.use("typing", "overload")
    overloads = [
        Overload(group[0].decorators, signature("get", [_key_parameter(group)], group[0].read, ": ..."))
        for group in groups
    ]
    return ByName(tuple(overloads), method(signature("get", [parameter], "object"), docs, call("_get_named", "key")))


def set_by_name(alias: str, keys: Sequence[KeyText], imports: Imports) -> ByName:
    """Return `set`: one overload for each type that is stored."""
    groups = _grouped((key.stored, key) for key in keys)
    docs = ["Write one key by its name."]
    parameter = f"key: {alias}"
    if len(groups) == 1:
        head = signature("set", [parameter, f"value: {keys[0].stored}"], "None")
        body = call("_set", call("self._pick", "key", keys[0].constant), "value")
        made = method(head, docs, body, gives=False)
        return ByName((), replace(made, decorators=keys[0].decorators))
    imports.use("typing", "overload")
    overloads = [
        Overload(
            group[0].decorators,
            signature("set", [_key_parameter(group), f"value: {group[0].stored}"], "None", ": ..."),
        )
        for group in groups
    ]
    head = signature("set", [parameter, "value: object"], "None")
    return ByName(tuple(overloads), method(head, docs, call("_set_named", "key", "value"), gives=False))


def _key_parameter(group: Sequence[KeyText]) -> str:
    return f"key: Literal[{', '.join(lit(key.name) for key in group)}]"


def _grouped(pairs: Iterable[tuple[str, KeyText]]) -> list[list[KeyText]]:
    """Return the keys by type; those that are deprecated by what is said about them, too."""
    groups: dict[tuple[str, str], list[KeyText]] = {}
    for kind, key in pairs:
        groups.setdefault((kind, "".join(key.decorators)), []).append(key)
    return list(groups.values())
