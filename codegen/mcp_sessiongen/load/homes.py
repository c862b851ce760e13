"""Where a live type can be imported from: the names that generated code may use, each verified."""

import importlib
import re
import sys
from types import FunctionType, ModuleType
from typing import Any, Final

from pydantic import BaseModel

from mcp_sessiongen.load.live import TypeProblem, is_class
from mcp_sessiongen.load.python_import import source_of
from mcp_sessiongen.python_text import is_name

_FACADES: Final = ("pydantic",)
"""Packages that document their names under the top package, wherever they define them."""


def home_of(thing: Any, name: str, schema: ModuleType | None) -> tuple[str, str]:
    """Return the module and the qualified name by which a type can be imported.

    Args:
        thing: A class, a NewType, a type alias or a function.
        name: What it calls itself; perhaps with dots.
        schema: The user's schema, where it may be known by another name.

    Raises:
        TypeProblem: If no import gives this very object.
    """
    module = str(getattr(thing, "__module__", None) or "")
    found = _verified(thing, module, name) or _renamed(thing, schema)
    if not found:
        message = f"{module}.{name} cannot be imported: looking it up does not give this {_kind_of(thing)}"
        raise TypeProblem("unsupported", message, _advice(thing, module, name))
    module, qualname = _public(thing, *found)
    odd = next((part for part in f"{module}.{qualname}".split(".") if not is_name(part)), "")
    if odd:
        message = f"{odd!r} in {module}.{qualname} is not a name that generated code can use"
        raise TypeProblem("unsupported", message, "use letters of ASCII, digits and underscores")
    if is_class(thing) and issubclass(thing, BaseModel) and not _is_written(thing, module):
        message = f"{module}.{qualname} is made at run time, so no type checker knows it"
        raise TypeProblem("unsupported", message, "write it as a class statement instead of create_model")
    return module, qualname


def _verified(thing: Any, module: str, qualname: str) -> tuple[str, str] | None:
    if module in ("", "__main__", "builtins") or "<" in qualname:
        return None
    try:
        found: object = importlib.import_module(module)
    except ImportError:
        return None
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return (module, qualname) if found is thing else None


def _renamed(thing: Any, schema: ModuleType | None) -> tuple[str, str] | None:
    """Look for another name of a type, in the schema itself; no type checker follows a name for a local class."""
    if "<" in str(getattr(thing, "__qualname__", "")):
        return None
    for name, value in vars(schema).items() if schema else ():
        if value is thing and name.isidentifier() and not name.startswith("__"):
            return (schema.__name__, name) if schema else None
    return None


def _public(thing: Any, module: str, qualname: str) -> tuple[str, str]:
    """Return the nearest public package that offers what a private module defines."""
    parts = module.split(".")
    if parts[0] in _FACADES:
        candidates = [parts[0]]
    elif any(part.startswith("_") for part in parts):
        candidates = [".".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]
    else:
        return module, qualname
    for candidate in candidates:
        package = sys.modules.get(candidate)
        offered = getattr(package, "__all__", None) or [qualname.partition(".")[0]]
        is_public = not any(part.startswith("_") for part in candidate.split("."))
        if package and is_public and qualname.partition(".")[0] in offered and _verified(thing, candidate, qualname):
            return candidate, qualname
    return module, qualname


def _is_written(kind: type, module: str) -> bool:
    """Tell whether a model is a class statement of its module; without a source there is no doubt."""
    defined = sys.modules.get(kind.__module__) or sys.modules.get(module)
    file = getattr(defined, "__file__", None) or ""
    text = source_of(file).text if file.endswith(".py") else ""
    return not text or re.search(rf"^[ \t]*class[ \t]+{re.escape(kind.__name__)}\b", text, re.MULTILINE) is not None


def _kind_of(thing: Any) -> str:
    return "class" if is_class(thing) else "function" if isinstance(thing, FunctionType) else "type"


def _advice(thing: Any, module: str, name: str) -> str:
    if "<locals>" in name:
        return "define it at the top of a module, not in a function"
    if module == "__main__":
        return "define it in a module that can be imported"
    return "define it at the top of a module, under its own name"
