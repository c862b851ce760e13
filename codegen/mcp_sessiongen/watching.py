"""Compiles again whenever something changes, each time in a process of its own.

So Python schemas are really imported anew, and whatever goes wrong (settings that cannot be read, a folder that is
gone, a module that never ends) concerns one round only.
"""

import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Final

from watchfiles import Change, DefaultFilter
from watchfiles import watch as changes_in

from mcp_sessiongen.config import FILE, current_folder, find_config
from mcp_sessiongen.diagnostics import SchemaErrors, printable
from mcp_sessiongen.terminal import say as say_on_terminal

Say = Callable[..., None]

_SUFFIXES: Final = (".py", ".yaml", ".yml")
_TOLD: Final = ("wrote ", "removed ")
_PAUSE: Final = 200
_SETTLED: Final = 50


class _Relevant(DefaultFilter):
    """Lets pass what can change the result; passes over environments, caches and version control."""

    def __call__(self, change: Change, path: str) -> bool:
        is_folder = not Path(path).suffix and change != Change.modified  # one that came or went, as a whole
        is_relevant = path.endswith(_SUFFIXES) or Path(path).name == FILE or is_folder
        return is_relevant and super().__call__(change, path)


def watch(sources: tuple[str, ...], output: Path | None, form: str, say: Say) -> None:
    """Compile, and again after each change, until interrupted.

    Args:
        sources: As on the command line; none for those of the project's settings.
        output: As on the command line.
        form: How findings are told.
        say: Prints a line; `err` says where.
    """
    options = ["-o", str(output)] if output else []
    # -P: a folder named like this package, in the current folder, is not meant.
    command = [
        sys.executable,
        "-P",
        "-m",
        "mcp_sessiongen",
        "generate",
        *options,
        "--error-format",
        form,
        "--",
        *sources,
    ]
    try:
        while True:
            try:
                _watch_folders(_folders(sources), sources, command, say)
            except RuntimeError as error:  # watchfiles gives up when a file's name is no Unicode text; we go on
                if "decode path" not in str(error):
                    raise
    except KeyboardInterrupt:
        return


def _watch_folders(folders: list[Path], sources: tuple[str, ...], command: list[str], say: Say) -> None:
    """Compile, and again after each change, until other folders are to be watched."""
    is_first = True
    # It yields nothing now and then. So by the first round the watch has begun, and no change is missed.
    for changes in changes_in(
        *folders, watch_filter=_Relevant(), step=_SETTLED, rust_timeout=_PAUSE, yield_on_timeout=True
    ):
        if changes and _folders(sources) != folders:
            return  # the next watch begins with a round
        if is_first or changes:
            _compile(command, say)
        if is_first:
            say(f"watching {', '.join(printable(str(folder)) for folder in folders)}; Ctrl-C ends", err=False)
        is_first = False


def _folders(sources: tuple[str, ...]) -> list[Path]:
    """Return the project's folder, and from outside of it those of sources and those that modules may come from."""
    project = current_folder()
    named = list(sources)
    try:
        config = find_config()
    except SchemaErrors:
        config = None  # the first round tells what is wrong
    if config:
        project = config.path.parent
        named.extend(source for job in config.jobs for source in job.sources)
    paths = [path for source in named if (path := Path(source.partition(":")[0]).resolve()).exists()]
    folders = [*(path if path.is_dir() else path.parent for path in paths), *_import_folders()]
    outside = [folder for folder in folders if not folder.is_relative_to(project)]
    return list(dict.fromkeys([project, *outside]))


def _import_folders() -> list[Path]:
    """Return the folders of modules that are not installed: those of PYTHONPATH, and of packages in development."""
    installed = [Path(path).resolve() for path in sysconfig.get_paths().values()]
    entries = [Path(entry).resolve() for entry in sys.path if entry]
    return [entry for entry in entries if entry.is_dir() and not any(map(entry.is_relative_to, installed))]


def _compile(command: list[str], say: Say) -> None:
    """Run a round: what was written is told, and what is wrong the process tells by itself."""
    # In a session of its own, Ctrl-C is for us alone.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            printed, _ = process.communicate()
        except KeyboardInterrupt:
            process.terminate()
            raise
    if command[command.index("--error-format") + 1] != "text":
        say_on_terminal(printed, end="")  # the findings: they belong on stdout
    else:
        for line in printed.splitlines():
            if line.startswith(_TOLD):
                say(line, err=False)
    if process.returncode:
        say("the last good output stays; waiting for a change")
