"""The files of a project as they were at a git ref, in a temporary folder."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mcp_sessiongen.breaking.snapshot import refusal

PREFIX: Final = "git:"

_OF_HOOKS: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
"""What git sets for its hooks: it would not look for the repository of the folder."""


@contextmanager
def files_at(ref: str, project: Path) -> Iterator[Path]:
    """Have the project's folder as it was; an empty folder if there was none.

    Raises:
        SchemaErrors: If this is no git repository, or it has no such ref.
    """
    top = Path(_git(ref, project, "rev-parse", "--show-toplevel").rstrip("\n"))
    place = os.path.relpath(project.resolve(), top.resolve()).replace(os.sep, "/")
    commit = _commit(ref, project)
    with TemporaryDirectory(prefix="mcp-sessiongen-") as folder:
        tree, index = Path(folder, "tree"), Path(folder, "index")
        tree.mkdir()
        inner = "" if place == "." else place
        if not inner or _git(ref, top, "ls-tree", "-d", commit, "--", inner):
            _git(ref, top, "read-tree", f"{commit}:{inner}", index=index)
            _git(ref, top, "checkout-index", "--all", f"--prefix={tree}{os.sep}", index=index)
        yield tree.resolve()


def _commit(ref: str, folder: Path) -> str:
    if ref and not ref.startswith("-"):
        found = _run(folder, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        if found.returncode == 0:
            return found.stdout.strip()
    hint = "check the name, or fetch it first: a checkout in CI may have one commit only (fetch-depth: 0)"
    raise refusal(PREFIX + ref, f"the repository has no ref {ref!r}", hint)


def _git(ref: str, folder: Path, *arguments: str, index: Path | None = None) -> str:
    done = _run(folder, *arguments, index=index)
    if done.returncode:
        why = done.stderr.strip().splitlines()
        raise refusal(PREFIX + ref, f"git says: {why[0] if why else 'nothing'}", "run this in a git repository")
    return done.stdout


def _run(folder: Path, *arguments: str, index: Path | None = None) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name not in _OF_HOOKS} | {"LC_ALL": "C"}
    if index:
        environment["GIT_INDEX_FILE"] = str(index)
    line = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise refusal(PREFIX, "there is no command git", "install git, or compare with a snapshot") from None
