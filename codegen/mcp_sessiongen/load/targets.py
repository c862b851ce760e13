"""What the command line names: which sources there are, and what kind each is."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from mcp_sessiongen.diagnostics import Report, Source

_YAML: Final = (".yaml", ".yml")


@dataclass(frozen=True)
class Target:
    """One source.

    Attributes:
        given: As the user wrote it, without the class.
        kind: What reads it.
        classes: The classes that were asked for; "" among them stands for all that are declared as sessions.
    """

    given: str
    kind: Literal["yaml", "file", "module"]
    classes: tuple[str, ...] = ("",)

    @property
    def stem(self) -> str:
        """The name of the module to generate."""
        if self.kind == "module":
            return self.given.rpartition(".")[2]
        path = Path(self.given)
        return path.resolve().parent.name if path.name == "__init__.py" else path.stem

    @property
    def names_classes(self) -> bool:
        """Whether the user asked for classes by name."""
        return any(self.classes)

    def called(self, place: str) -> tuple[str, ...]:
        """Return what to write on a command line for it, where its file or module is called `place`."""
        return tuple(f"{place}:{name}" if name else place for name in self.classes)


def find_targets(arguments: tuple[str, ...], report: Report) -> list[Target]:
    """Return the targets, each once, in the order given; classes of one file or module are one target together.

    A folder stands for its YAML files, sorted by name.
    """
    found: dict[tuple[str, str], Target] = {}
    for argument in arguments:
        is_folder = _exists(argument, stat.S_ISDIR)
        for target in _inside(argument, report) if is_folder else _target(argument, report):
            place = (target.kind, os.path.normpath(target.given))
            known = found.setdefault(place, target)
            found[place] = replace(known, classes=tuple(dict.fromkeys(known.classes + target.classes)))
    return list(found.values())


def called_from(folder: Path, file: str) -> str:
    """Return how a file is called on a command line in a folder, wherever this runs now."""
    called = os.path.relpath(Path(file).resolve(), folder.resolve()).replace(os.sep, "/")
    return f"./{called}" if called.startswith("-") else called


def _inside(folder: str, report: Report) -> list[Target]:
    try:
        names = sorted(entry.name for entry in Path(folder).iterdir() if entry.suffix in _YAML)
    except OSError as error:
        message, hint = f"cannot read it: {error.strerror}", "check the folder and its permissions"
        report.error(Source(folder).nowhere(), "file-not-found", message, hint)
        return []
    paths = [str(Path(folder) / name) for name in names]
    targets = [Target(path, "yaml") for path in paths if _exists(path, stat.S_ISREG)]
    if not targets:
        message, hint = "no .yaml or .yml file in this folder", "name Python schemas one by one"
        report.error(Source(folder).span(), "empty-schema", message, hint)
    return targets


def _exists(path: str, is_kind: Callable[[int], bool] = bool) -> bool:
    """Tell whether there is something at a path, of some kind; a path that the system refuses leads to nothing."""
    try:
        return is_kind(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False


def _target(argument: str, report: Report) -> list[Target]:
    path, attribute = _split(argument)
    suffix = Path(path).suffix
    if suffix in (*_YAML, ".py"):
        if not _exists(path, stat.S_ISREG):
            message = "it is not a regular file" if _exists(path) else "no such file"
            hint = "check the path; it is relative to the current folder"
            report.error(Source(path).nowhere(), "file-not-found", message, hint)
            return []
        return [Target(path, "file" if suffix == ".py" else "yaml", (attribute,))]
    if path and not _exists(path) and all(part.isidentifier() for part in path.split(".")):
        return [Target(path, "module", (attribute,))]
    hint = "name a .yaml or .py file, a folder, or a module such as app.schemas"
    report.error(Source(argument).span(), "not-a-schema", f"{argument!r} is not a schema source", hint)
    return []


def _split(argument: str) -> tuple[str, str]:
    path, colon, attribute = argument.rpartition(":")
    if colon and attribute and not _exists(argument) and all(part.isidentifier() for part in attribute.split(".")):
        return path, attribute
    return argument, ""
