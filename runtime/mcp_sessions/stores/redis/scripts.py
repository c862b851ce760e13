"""The scripts that run inside a Redis or Valkey server: one for each operation, atomic and one round trip."""

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Final, Literal, TypeAlias

from mcp_sessions.stores.terms import GRACE_SECONDS, SLIDE_STEP, TOMBSTONE_SECONDS

ScriptName: TypeAlias = Literal[
    "create",
    "touch",
    "read",
    "write",
    "remove",
    "clear",
    "increment",
    "append",
    "end",
    "purge",
    "scan",
    "look_up",
    "copy_out",
    "copy_in",
    "migrate",
]

_OF_OPERATORS: Final = ("purge", "scan", "look_up", "copy_out")
_OF_CALLERS: Final = (
    *("create", "touch", "read", "write", "remove", "clear", "increment", "append", "end"),
    *("copy_in", "migrate"),
)
_ORDINARY: Final = ("touch", "read", "write", "increment", "append")
"""Which of them deal with the ordinary case first, as quickly as can be."""

_CONSTANTS: Final = f"local GRACE, TOMBSTONE, STEP = {GRACE_SECONDS!r}, {TOMBSTONE_SECONDS!r}, {SLIDE_STEP!r}\n"


@dataclass(frozen=True, slots=True)
class Script:
    """One script, and the name by which a server knows it once it has seen it."""

    text: str
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", sha1(self.text.encode(), usedforsecurity=False).hexdigest())


@cache
def scripts() -> dict[str, Script]:
    """Return all scripts by their names."""
    shared = _CONSTANTS + _part("session") + _part("removing")
    ours = {name: Script(shared + _part(name)) for name in _OF_OPERATORS}
    shared += _part("access")
    return ours | {name: Script(_before(name) + shared + _part(name)) for name in _OF_CALLERS}


def _before(name: str) -> str:
    """Return what comes before the general case of an operation."""
    return _part("ordinary") + _part(f"ordinary_{name}") if name in _ORDINARY else ""


def _part(name: str) -> str:
    return (files("mcp_sessions.stores.redis") / "lua" / f"{name}.lua").read_text("utf-8")
