"""Puts files into an output folder: the only module that changes the disk.

All files or none: everything is written beside its place first, and what was replaced or removed is put back if a
later step fails. What may be replaced or removed is decided in `output`.
"""

import contextlib
import os
import stat
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mcp_sessiongen.diagnostics import Source, fatal
from mcp_sessiongen.output import FileState

_PREFIX: Final = ".mcp-sessiongen."
_SUFFIX: Final = ".tmp"
_ABANDONED: Final = 3600
"""The age in seconds from which on a temporary file is nobody's any more."""


def write_files(states: Collection[FileState]) -> None:
    """Write every file that is not up to date and remove those that are left over; all of them or none.

    Raises:
        SchemaErrors: If the system refuses; then nothing was changed.
    """
    for folder in {state.path.parent for state in states}:
        _sweep(folder)
    with _all_or_none() as change:
        for state in states:
            if state.text is not None and state.state != "fresh":
                change.make_folder(state.path.parent)
                change.prepare(state)
            elif state.state == "left-over":
                change.removed.append(state)
        change.commit()


def write_new(texts: Iterable[tuple[Path, str]]) -> None:
    """Write files that do not exist yet, and their folders; all of them or none.

    Raises:
        SchemaErrors: If one of them exists, or the system refuses; then nothing was changed.
    """
    with _all_or_none() as change:
        for path, text in texts:
            change.make_folder(path.parent)
            with path.open("xb") as stream:
                change.replaced.append(FileState(path, text, None, "missing"))
                stream.write(text.encode())


def write_text(path: Path, text: str) -> None:
    """Write one file, which a user named, whatever it held.

    Raises:
        SchemaErrors: If the system refuses.
    """
    target = Path(os.path.realpath(path))  # which, unlike resolve(), puts up with links in a circle
    if target.exists() and not target.is_file():
        raise fatal(Source(str(path)).span(), "write-failed", "it is not a regular file", "name another one")
    with _all_or_none(str(path)) as change:
        change.prepare(FileState(target, text, None, "stale"))
        change.commit()


@contextlib.contextmanager
def _all_or_none(named: str = "") -> Iterator["_Change"]:
    change = _Change()
    try:
        yield change
    except OSError as error:
        change.roll_back()
        where = named or error.filename2 or error.filename or "."
        message = f"cannot write: {error.strerror or error}"
        raise fatal(
            Source(str(where)).span(), "write-failed", message, "nothing was changed; check the folder"
        ) from None
    except BaseException:
        change.roll_back()
        raise


@dataclass
class _Change:
    prepared: list[tuple[Path, FileState]] = field(default_factory=list)
    replaced: list[FileState] = field(default_factory=list)
    removed: list[FileState] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)

    def make_folder(self, folder: Path) -> None:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir()
            self.folders.append(path)

    def prepare(self, state: FileState) -> None:
        descriptor, temporary = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=state.path.parent)
        self.prepared.append((Path(temporary), state))
        with os.fdopen(descriptor, "wb") as stream:
            stream.write((state.text or "").encode())
        Path(temporary).chmod(_mode(state.path))

    def commit(self) -> None:
        for temporary, state in self.prepared:
            temporary.replace(state.path)
            self.replaced.append(state)
        for state in self.removed:
            state.path.unlink()
            self.replaced.append(state)

    def roll_back(self) -> None:
        for state in self.replaced:
            if state.before is None:
                state.path.unlink(missing_ok=True)
            else:
                state.path.write_bytes(state.before.encode("utf-8", "surrogateescape"))
        for temporary, _ in self.prepared:
            temporary.unlink(missing_ok=True)
        for folder in reversed(self.folders):
            folder.rmdir()


def _sweep(folder: Path) -> None:
    """Remove the temporary files of runs that were killed; those of a run that goes on are younger."""
    with contextlib.suppress(OSError):
        for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and found.st_mtime < time.time() - _ABANDONED:
                path.unlink()


def _mode(path: Path) -> int:
    """Return the mode for a file: that of the one it replaces, else what the umask leaves."""
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
