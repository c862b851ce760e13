"""The IR as JSON data, and the digests of it that name what a schema means."""

import hashlib
import json
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, Final, cast

from mcp_sessiongen import ir
from mcp_sessiongen.type_parts import types_of

_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def dump(node: object) -> object:
    """Return any part of the IR as JSON data: each node says what it is under "is", and leaves out its defaults.

    So a schema keeps its digest when a later version of the IR has more to say about others.
    """
    kind: type = type(node)
    if kind in _PLAIN:
        return node
    if kind is tuple:
        return [dump(item) for item in cast("tuple[object, ...]", node)]
    word, parts = _described(kind)
    inner: dict[str, object] = {"is": word}
    for name, default in parts:
        value = getattr(node, name)
        if default is MISSING or value != default:
            inner[name] = value if type(value) in _PLAIN else dump(value)
    return inner


@cache
def _described(kind: Any) -> tuple[str, tuple[tuple[str, object], ...]]:
    """Return what a kind of node is called, and the names of its parts, each with its default."""
    return kind.__name__.lower(), tuple((field.name, field.default) for field in fields(kind))


def digest(*nodes: object) -> str:
    """Return 16 hex digits that change when anything in the nodes does."""
    return _digest([dump(node) for node in nodes])


def digests(module: ir.Module) -> tuple[str, dict[str, str]]:
    """Return the digest of a module, and by name those of its sessions, each together with the types it uses."""
    whole = cast("dict[str, list[object]]", dump(module))
    types = dict(zip(module.type_names, [*whole["models"], *whole.get("enums", ())], strict=True))
    sessions = {
        session.name: _digest([dumped, *(types[kind.name] for kind in types_of(session, module))])
        for session, dumped in zip(module.sessions, whole["sessions"], strict=True)
    }
    return _digest([whole]), sessions


def _digest(dumped: list[object]) -> str:
    return hashlib.sha256(_CANONICAL.encode(dumped).encode()).hexdigest()[:16]
