"""What was released: a snapshot, or the schemas as they were in a folder or at a git ref."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mcp_sessiongen.breaking.child import SETTINGS
from mcp_sessiongen.breaking.git import PREFIX, files_at
from mcp_sessiongen.breaking.snapshot import BadSnapshot, read_snapshot, refusal, schemas_of
from mcp_sessiongen.breaking.sources import covers
from mcp_sessiongen.breaking.subject import Schema
from mcp_sessiongen.diagnostics import Diagnostic, Source


@dataclass(frozen=True)
class Wanted:
    """What is to be compared.

    Attributes:
        sources: As on a command line in the current folder.
        project: The project's folder.
        is_whole: Whether these are all the sources that there are.
    """

    sources: tuple[str, ...]
    project: Path
    is_whole: bool


def released(against: str, wanted: Wanted) -> tuple[list[Schema], list[str]]:
    """Return the schemas as they were, and the sources that were not there.

    Args:
        against: "git:REF", or a path in the current folder.
        wanted: What is to be compared.

    Raises:
        SchemaErrors: If they cannot be read.
    """
    if against.startswith(PREFIX):
        with files_at(against.removeprefix(PREFIX), wanted.project) as folder:
            found, new = _in_folder(against, folder, wanted)
    elif Path(against).is_dir():
        found, new = _in_folder(against, Path(against).resolve(), replace(wanted, is_whole=False))
        if not found:
            hint = "the schemas should lie in it at the same paths as in the project's folder"
            raise refusal(against, "the folder has none of the schemas", hint)
    elif Path(against).exists():
        found, new = read_snapshot(Path(against)), []
        if not wanted.is_whole:
            found = [one for one in found if covers(wanted.sources, one.source, wanted.project)]
    else:
        hint = "name a snapshot, a folder, or a git ref as  git:main"
        raise refusal(against, "there is no such file or folder", hint)
    return [replace(schema, shown=_shown(schema.source, wanted.project)) for schema in found], new


def _shown(source: str, project: Path) -> str:
    is_path = "/" in source or source.endswith((".yaml", ".yml", ".py"))
    return os.path.relpath(project / source) if is_path else source


def _in_folder(against: str, folder: Path, wanted: Wanted) -> tuple[list[Schema], list[str]]:
    sources = [_from_here(source) for source in wanted.sources]
    here = folder / os.path.relpath(Path.cwd().resolve(), wanted.project.resolve())
    if not here.is_dir():
        return [], sources
    settings = [SETTINGS] if wanted.is_whole else []
    line = [sys.executable, "-P", "-m", "mcp_sessiongen.breaking.child", str(folder), *settings, *sources]
    done = subprocess.run(line, cwd=here, capture_output=True, text=True, check=False)
    try:
        answer: dict[str, Any] = json.loads(done.stdout.rstrip("\n").rpartition("\n")[2])
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:] or ["it ended without a word"]
        hint = "compare with a snapshot instead: mcp-sessiongen breaking --write"
        raise refusal(against, f"the schemas as they were cannot be read: {last[0]}", hint) from None
    if "errors" in answer:
        hint = "correct it there, or compare with a snapshot instead: mcp-sessiongen breaking --write"
        told = _as_diagnostics(against, answer["errors"])
        raise refusal(against, "the schemas as they were do not compile", hint, told)
    try:
        return schemas_of(json.dumps(answer["snapshot"])), answer["new"]
    except BadSnapshot as error:
        raise refusal(against, str(error), error.hint) from None


def _from_here(source: str) -> str:
    """Return a source as it is called in another checkout too."""
    return os.path.relpath(source) if Path(source).is_absolute() else source


def _as_diagnostics(against: str, found: Iterable[dict[str, Any]]) -> list[Diagnostic]:
    return [
        Diagnostic(
            Source(f"{against}:{one['path']}").span(one["line"], one["column"], one["end_column"] - one["column"]),
            one["code"],
            one["message"],
            one["hint"],
        )
        for one in found
    ]
