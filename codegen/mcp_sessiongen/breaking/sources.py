"""The schemas of the current folder, called in a way that is the same in every checkout."""

import os
from collections.abc import Iterable
from pathlib import Path

from mcp_sessiongen.breaking.subject import Schema
from mcp_sessiongen.load.targets import Target
from mcp_sessiongen.pipeline import compile_modules


def schemas_in(arguments: tuple[str, ...], root: Path, *, history: bool = False) -> list[Schema]:
    """Return what sources mean.

    Args:
        arguments: Sources as a user names them.
        root: The project's folder, to which paths are relative.
        history: Whether to read the older versions of their sessions too, as far as they are there.

    Raises:
        SchemaErrors: If anything is wrong with any of them.
    """
    return [
        Schema(
            called(one.target, root),
            one.target.stem,
            one.module,
            one.declared,
            one.file or one.target.given,
            one.known,
        )
        for one in compile_modules(arguments, history=history)
    ]


def called(target: Target, root: Path) -> str:
    """Return what a source is called in every checkout: its path in the project, or its module."""
    return target.given if target.kind == "module" else relative(target.given, root)


def relative(path: str | Path, root: Path) -> str:
    """Return a path of the current folder as seen from another one."""
    return os.path.relpath(path, root).replace(os.sep, "/")


def covers(arguments: Iterable[str], source: str, root: Path) -> bool:
    """Tell whether a source is among those that arguments name, or would be if it were still there."""
    folder = source.rpartition("/")[0] or "."
    for argument in arguments:
        path = argument.rpartition(":")[0] or argument
        names = (argument, path, relative(path, root), relative(argument, root))
        if source in names or (source.endswith((".yaml", ".yml")) and folder == names[-1]):
            return True
    return False
