"""The IR as JSON data, and the digests of it that name what a schema means."""

import hashlib
import json
from dataclasses import fields
from functools import cache
from typing import Any, cast

from mcp_sessiongen import ir
from mcp_sessiongen.type_parts import types_of


def dump(node: object) -> object:
    """Return any part of the IR as JSON data: each node says what it is under "is", and leaves out its defaults.

    So a schema keeps its digest when a later version of the IR has more to say about others.
    """
    kind: type = type(node)
    if kind is str or kind is int or kind is float or kind is bool or node is None:
        return node
    if kind is tuple:
        return [dump(item) for item in cast("tuple[object, ...]", node)]
    word, parts = _described(kind)
    inner: dict[str, object] = {"is": word}
    for name, default in parts:
        value = getattr(node, name)
        if value != default:
            inner[name] = dump(value)
    return inner


@cache
def _described(kind: Any) -> tuple[str, tuple[tuple[str, object], ...]]:
    """Return what a kind of node is called, and the names of its parts, each with its default."""
    return kind.__name__.lower(), tuple((field.name, field.default) for field in fields(kind))


def digest(*nodes: object) -> str:
    """Return 16 hex digits that change when anything in the nodes does."""
    canonical = json.dumps([dump(node) for node in nodes], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def session_digest(session: ir.Session, module: ir.Module) -> str:
    """Return the digest of a session together with the types it uses."""
    return digest(session, *types_of(session, module))
