"""The imports of a generated module: what the user's classes are called there, and the statements.

The names that the module gives itself, and those of keys and fields, always win: a class that would hide one of them,
or be hidden, is imported under another name.
"""

import builtins
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.layout import Group, laid_out
from mcp_sessiongen.names import cap_words
from mcp_sessiongen.naming import RESERVED, VERBS, aliases_of, class_names, prefix_of
from mcp_sessiongen.python_text import WIDTH, Code, dotted, name
from mcp_sessiongen.type_parts import parts_of

_KEPT: Final = RESERVED | frozenset(vars(builtins)) | {"get", "set"}

_CUSTOMARY: Final = {("collections.abc", "Set"): "AbstractSet"}
"""What some names are called by everybody who imports them, because of the builtin type of that name."""

Home = tuple[str, str]
"""The module of a class, and the name to import from there: the outermost of a nested class."""


def local_names(module: ir.Module) -> dict[Home, str]:
    """Return what each imported class is called in the generated module."""
    homes = sorted({home_of(kind) for kind in _imported(module)})
    taken = _own_names(module) | _KEPT if homes else _KEPT
    found: dict[Home, str] = {}
    for home in homes:
        found[home] = next(candidate for candidate in _candidates(*home) if candidate not in taken)
        taken = taken | {found[home]}
    return found


def home_of(kind: ir.Imported) -> Home:
    """Return where a class is imported from, and what is imported."""
    return kind.module, kind.qualname.split(".")[0]


def _candidates(module: str, called: str) -> Iterator[str]:
    """Yield names for a class: its own, then with more and more of its module's in front, then numbered."""
    yield _CUSTOMARY.get((module, called), called)
    parts = [cap_words(part) for part in module.split(".")]
    base = called[:1].upper() + called[1:]
    for count in range(1, len(parts) + 1):
        yield "".join(parts[-count:]) + base
    number = 2
    while True:
        yield f"{''.join(parts)}{base}{number}"
        number += 1


def _own_names(module: ir.Module) -> frozenset[str]:
    own = set(module.type_names)
    own.update(item.name for model in module.models for item in model.fields)
    for session in module.sessions:
        own.update(class_names(session.name))
        for key in session.keys:
            own.add(key.name)
            own.update(f"{verb}_{key.name}" for verb in VERBS)
            own.update(aliases_of(prefix_of(session.name), key.name, key.type).values())
    return frozenset(own)


def _imported(module: ir.Module) -> Iterator[ir.Imported]:
    for model in module.models:
        for item in model.fields:
            yield from _imported_in(item.type)
    for session in module.sessions:
        if session.model:
            yield session.model
        for item in session.keys:
            yield from _imported_in(item.type)


def _imported_in(kind: ir.Type) -> Iterator[ir.Imported]:
    if isinstance(kind, ir.Imported):
        yield kind
    for part in parts_of(kind):
        yield from _imported_in(part)


@dataclass
class Imports:
    """Collects what a module imports.

    Attributes:
        local: What the user's classes are called.
        found: By module, what is imported and what it is called then.
    """

    local: Mapping[Home, str]
    found: dict[str, dict[str, str]] = field(default_factory=dict)

    def use(self, module: str, *names: str) -> None:
        """Note that names of a module are used."""
        for item in names:
            self.found.setdefault(module, {})[item] = item

    def use_as(self, module: str, item: str, alias: str) -> None:
        """Note that a name of a module is used under another."""
        self.found.setdefault(module, {})[item] = alias

    def use_class(self, module: str, qualname: str) -> Code:
        """Return the expression for a class of the user's, which is then imported."""
        outer, dot, inner = qualname.partition(".")
        alias = self.local.get((module, outer), outer)
        self.use_as(module, outer, alias)
        return dotted(alias + dot + inner)

    def lines(self) -> Code:
        """Return the import statements, as isort sorts them."""
        blocks: tuple[list[str], list[str]] = ([], [])
        for module in sorted(self.found):
            is_standard = module.split(".")[0] in sys.stdlib_module_names
            blocks[0 if is_standard else 1].append(_statements(module, tuple(sorted(self.found[module].items()))))
        return Code("\n\n".join("\n".join(lines) for lines in blocks if lines))


@lru_cache(maxsize=1000)
def _statements(module: str, names: tuple[tuple[str, str], ...]) -> str:
    """Return the statements that import names of a module: each by its own name and by that which it gets here."""
    pairs = sorted(names, key=lambda pair: import_order(pair[0]))
    spelt = [name(item) if item == alias else Code(f"{name(item)} as {name(alias)}") for item, alias in pairs]
    # An alias gets a statement of its own, as isort would have it.
    plain = tuple(item for item in spelt if " as " not in item)
    groups = [group for group in (plain, *((item,) for item in spelt if " as " in item)) if group]
    groups.sort(key=lambda group: import_order(group[0].split(" ")[0]))
    return "\n".join(_from_import(dotted(module), group) for group in groups)


def import_order(item: str) -> tuple[int, str]:
    """Return isort's order of names: constants, classes, the rest."""
    if item.isupper() and len(item) > 1:
        return 0, item
    return (1 if item[:1].isupper() else 2), item


def _from_import(module: Code, items: tuple[Code, ...]) -> Code:
    line = Code(f"from {module} import {', '.join(items)}")
    return line if len(line) <= WIDTH else laid_out(f"from {module} import ", Group(Code(""), items), split=True)
