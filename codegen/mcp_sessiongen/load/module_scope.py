"""Keeps what schemas import apart: two folders may each have a module of the same name."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Final

from mcp_sessiongen.diagnostics import SchemaErrors

Roots = tuple[Path, ...]

_OURS: Final = ("mcp_sessiongen", "mcp_sessions")


@dataclass
class ModuleScopes:
    """What was imported from which folders. Those with the same folders share their modules, as in one process.

    Attributes:
        kept: By folders, what was imported.
        is_closed: Whether nothing may be imported.
    """

    kept: dict[Roots, dict[str, ModuleType]] = field(default_factory=dict)
    is_closed: bool = False

    @contextmanager
    def of(self, roots: Roots) -> Iterator[None]:
        """Have the modules of some folders in `sys.modules`, and no others that schemas brought in.

        Annotations are looked up there long after an import, so this spans all work with a schema's classes.

        Raises:
            SchemaErrors: If nothing may be imported; without a finding.
        """
        if self.is_closed:
            raise SchemaErrors(())
        kept = self.kept.setdefault(roots, {})
        before = set(sys.modules)
        installed = [Path(entry) for entry in sys.path if entry]
        sys.modules.update(kept)
        try:
            yield
        finally:
            for name, module in list(sys.modules.items()):
                if name not in before and _is_from(name, module, roots, installed):
                    kept[name] = sys.modules.pop(name)


def _is_from(name: str, module: object, roots: Roots, installed: list[Path]) -> bool:
    """Tell whether a module lies in one of the folders, and not in an installation that is inside of it."""
    if name.partition(".")[0] in _OURS:
        return False
    return any(
        place.is_relative_to(root)
        and not any(entry != root and entry.is_relative_to(root) and place.is_relative_to(entry) for entry in installed)
        for place in _places(module)
        for root in roots
    )


def _places(module: object) -> list[Path]:
    """Return the file of a module; of a namespace package, which has none, the folders."""
    attributes = getattr(module, "__dict__", {})
    file = attributes.get("__file__")
    if isinstance(file, str):
        return [Path(file)]
    try:
        return [Path(entry) for entry in attributes.get("__path__", ())]
    except (TypeError, ValueError):
        return []
