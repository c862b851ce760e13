"""Whether servers of two versions of a session can use each other's stored data, at the same time."""

import sys
from collections.abc import Iterator
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.facts import of_reading, of_writing
from mcp_sessiongen.breaking.problems import Types
from mcp_sessiongen.breaking.subject import Pair, Schema
from mcp_sessiongen.type_parts import parts_of

_KNOWN: Final = {"pydantic", "pydantic_core", "typing_extensions", *sys.stdlib_module_names}
"""Packages whose types do not change with a project."""


def get_along(before: ir.Module, old: ir.Session, after: ir.Module, new: ir.Session) -> bool:
    """Tell whether nothing has to be moved, and each version reads what the other writes.

    A key may go that was deprecated before, so that nothing needs it any more, and whose name is reserved now. Careful:
    what the user's own classes accept is not known, so sessions that are bound to one never do.

    Args:
        before: The older schema.
        old: The session in it.
        after: The newer schema.
        new: The session in that.
    """
    return not any(True for _ in obstacles(Pair(Schema("", "", before), Schema("", "", after), old, new)))


def obstacles(pair: Pair) -> Iterator[str]:
    """Return why two versions do not get along, in words: of each key, the first reason."""
    old, new = pair.old, pair.new
    if old.scope != new.scope:
        yield f"the scope was {old.scope} and is {new.scope}"
    if bound := new.model or old.model:
        yield f"what {bound.qualname} accepts is not known"
    for name in pair.old_keys:
        if name not in pair.new_keys:
            yield from _why_missed(pair, name)
    for _, key in pair.kept:
        if outside := next(_classes_of(key.type, pair.now.types), None):
            yield f"what {outside} accepts is not known"
            continue
        facts = [of_reading(pair, key, problem) for problem in pair.backward(key)]
        facts = facts or [fact for problem in pair.forward(key) if (fact := of_writing(key, problem))]
        yield from facts[:1]


def _classes_of(kind: ir.Type, types: Types, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the user's own classes that a type is made of: they may have changed, and only their names are known."""
    if isinstance(kind, ir.Imported) and kind.module.partition(".")[0] not in _KNOWN:
        yield f"{kind.module}:{kind.qualname}"
    if isinstance(kind, ir.Named) and kind.name in types.models and kind.name not in seen:
        for item in types.models[kind.name].fields:
            yield from _classes_of(item.type, types, seen | {kind.name})
    for part in parts_of(kind):
        yield from _classes_of(part, types, seen)


def _why_missed(pair: Pair, name: str) -> Iterator[str]:
    """Return why released code misses a key that is gone."""
    if name in pair.renamed:
        yield f"key {name!r} is called {pair.renamed[name].name!r} now"
    elif name not in pair.new.reserved:
        yield f"key {name!r} is gone"
    elif not pair.old_keys[name].deprecated:
        yield f"key {name!r} is gone, and was not deprecated before"
