"""Which names a schema may use, and what to suggest instead of those it may not.

Pure functions from a text to a `Problem`; who reports it, and where, is the caller's business.
"""

import builtins
import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import Final

MAX_KEY: Final = 64
MAX_SESSION: Final = 40

_MANY: Final = 100

SNAKE: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
ATTRIBUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
CAP_WORDS: Final = re.compile(r"[A-Z][A-Za-z0-9]*")
_BOUNDARY: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+")
_TYPE_NAMES: Final = frozenset({"bool", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"})
"""The builtins that generated annotations refer to: inside of a class, a field of that name would take their place."""

_CONSTRUCTED: Final = "cls"
"""What `BaseModel.model_construct`, which makes snapshots, cannot have as the name of a field."""

RETENTION: Final = "retention"
"""What the create tool's answer calls the session's lifetime, beside the handle."""


@dataclass(frozen=True)
class Problem:
    """Why a name is refused, and what to write instead."""

    message: str
    hint: str


def snake_case(text: str) -> str:
    """Return the nearest snake_case name: `HTTPProxy` gives `http_proxy`."""
    return "_".join(part.lower() for part in _BOUNDARY.split(text) if part)


@lru_cache(maxsize=10_000)
def cap_words(text: str) -> str:
    """Return the nearest CapWords name: `http_proxy` gives `HttpProxy`."""
    return "".join(part[:1].upper() + part[1:] for part in _BOUNDARY.split(text) if part)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return "did you mean 'x'?" for the nearest known word, or ""; looks at no more than it can afford."""
    if len(word) > MAX_KEY:
        return ""
    table = {candidate.lower(): candidate for candidate in known}
    if len(table) > _MANY:
        alike = [candidate for candidate in table if candidate[:1] == word[:1].lower()]
        table = {candidate: table[candidate] for candidate in alike[:_MANY]}
    near = get_close_matches(word.lower(), table, n=1, cutoff=0.6)
    return f"did you mean '{table[near[0]]}'?" if near else ""


def key_problem(name: str) -> Problem | None:
    """Judge the name of a key or of a field."""
    problem = _snake_problem(name, "key", MAX_KEY)
    if problem:
        return problem
    if name in _TYPE_NAMES:
        return Problem(f"name {name!r} hides the builtin type {name}", f"choose another, such as '{name}_value'")
    return _model_problem(name, "name")


def attribute_problem(name: str) -> Problem | None:
    """Judge a name that need not be in snake_case: of a field of the user's own model, or of a key that is gone."""
    if not ATTRIBUTE.fullmatch(name) or len(name) > MAX_KEY:
        hint = f"use letters of ASCII, digits and underscores, no underscore in front, at most {MAX_KEY}"
        return Problem(f"name {name[:MAX_KEY]!r} is not one that generated code can use", hint)
    if name == _CONSTRUCTED:
        return _model_problem(name, "name")
    if is_keyword(name):
        return Problem(f"name {name!r} is a Python keyword", f"choose another, such as '{name}_value'")
    return None


def state_problem(name: str) -> Problem | None:
    """Judge the name of a field of the user's own model, if it becomes a field of a generated model too."""
    if name in _TYPE_NAMES:
        return Problem(f"name {name!r} hides the builtin {name}", f"choose another, such as '{name}_value'")
    return _model_problem(name, "name")


def is_keyword(name: str) -> bool:
    """Tell whether Python keeps a name for itself."""
    return keyword.iskeyword(name)


def is_module_name(stem: str) -> bool:
    """Tell whether a generated module may have a name."""
    return stem.isascii() and stem.isidentifier() and not keyword.iskeyword(stem) and not stem.startswith("__")


def near_module_name(stem: str) -> str:
    """Return the nearest name that a generated module may have, or "": `my-cart` gives `my_cart`."""
    better = snake_case(stem)
    if keyword.iskeyword(better):
        return f"{better}_schema"
    return f"schema_{better}" if better[:1].isdigit() else better


def session_problem(name: str) -> Problem | None:
    """Judge the name of a session, which also begins its handles and is what their argument is called."""
    return _snake_problem(name, "session", MAX_SESSION) or _argument_problem(name, "session")


def handle_problem(name: str) -> Problem | None:
    """Judge the name that the schema gives to the argument for a handle."""
    return _snake_problem(name, "handle", MAX_KEY) or _argument_problem(name, "handle")


def tool_problem(name: str) -> Problem | None:
    """Judge the name that the schema gives to a tool."""
    return _snake_problem(name, "tool", MAX_KEY)


def type_problem(name: str) -> Problem | None:
    """Judge the name of a value type."""
    if CAP_WORDS.fullmatch(name) and len(name) <= MAX_KEY:
        if name in keyword.kwlist or name in vars(builtins):
            return Problem(f"type name {name!r} is a name of Python itself", f"choose another, such as '{name}Value'")
        return None
    if len(name) > MAX_KEY:
        return Problem(
            f"type name {name[:20]!r}... has {len(name)} characters, at most {MAX_KEY} are allowed", "shorten it"
        )
    better = cap_words(name)
    usable = CAP_WORDS.fullmatch(better) and better not in vars(builtins)
    hint = f"write '{better}'" if usable else "use letters and digits, beginning with a capital"
    return Problem(f"type name {name!r} is not in CapWords", hint)


def _argument_problem(name: str, what: str) -> Problem | None:
    """Judge what becomes a field of the models that the SDK makes of a tool's arguments and answer."""
    if name == RETENTION:
        message = f"{what} name {name!r} is what the create tool calls the session's lifetime"
        return Problem(message, f"choose another, such as '{name}_value'")
    return _model_problem(name, f"{what} name")


def _model_problem(name: str, what: str) -> Problem | None:
    if name in _model_names():
        message = f"{what} {name!r} is already used by every Pydantic model"
        return Problem(message, f"choose another, such as '{name}_value'")
    return None


def _snake_problem(name: str, what: str, longest: int) -> Problem | None:
    if len(name) > longest:
        return Problem(
            f"{what} name {name[:20]!r}... has {len(name)} characters, at most {longest} are allowed", "shorten it"
        )
    if keyword.iskeyword(name):
        return Problem(f"{what} name {name!r} is a Python keyword", f"choose another, such as '{name}_value'")
    if SNAKE.fullmatch(name):
        return None
    better = snake_case(name) if name.isascii() else ""
    usable = SNAKE.fullmatch(better) and not keyword.iskeyword(better)
    hint = f"write '{better}'" if usable else "use a-z, 0-9 and single underscores, beginning with a letter"
    return Problem(f"{what} name {name!r} is not snake_case", hint)


@cache
def _model_names() -> frozenset[str]:
    # Imported here: `--version` and `--help` start without pydantic.
    from pydantic import BaseModel

    return frozenset(dir(BaseModel)) | {_CONSTRUCTED}
