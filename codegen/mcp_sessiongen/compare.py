"""What `generate` would do, without doing it: the files of an output folder as they are and as they should be."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mcp_sessiongen.config import Job
from mcp_sessiongen.fresh import package_entry, sealed_file
from mcp_sessiongen.manifest import MANIFEST_FILE, Entry, Manifest, dump_manifest, read_manifest, sha256
from mcp_sessiongen.output import PACKAGE_FILE, FileState, inspect_output, left_over, read_file
from mcp_sessiongen.pipeline import Step, compile_files
from mcp_sessiongen.render import PACKAGE


@dataclass(frozen=True)
class Comparison:
    """One output folder.

    Attributes:
        states: Its package file, its modules, and what is left over.
        manifest: The manifest as it is and as it should be. A stale one is no finding, only a slower `check`.
        problem: Why the manifest that is there cannot be used, or "".
    """

    states: tuple[FileState, ...]
    manifest: FileState
    problem: str = ""


def compare(job: Job, step: Step) -> Comparison:
    """Compile the sources of a job, and compare the result with its output folder.

    Args:
        job: What to compile, and where it goes.
        step: Told which source is worked on.

    Raises:
        SchemaErrors: If a source is wrong, or something is in the way.
    """
    manifest = read_manifest(job.output)
    known = partial(sealed_file, folder=job.output, manifest=manifest)
    generated = compile_files(job.sources, job.output, step, known)
    files = {file.name: file.text for file in generated}
    gone = left_over(manifest, files, job.output, job.is_whole)
    states = inspect_output(job.output, {PACKAGE_FILE: PACKAGE, **files}, manifest, gone)
    kept = {state.path.name for state in states if state.state == "kept"}
    entries = {name: entry for name, entry in manifest.entries.items() if name not in gone or name in kept}
    entries |= {file.name: file.entry for file in generated}
    entries.pop(PACKAGE_FILE, None)
    if any(state.path.name == PACKAGE_FILE and state.text == PACKAGE for state in states):  # else it is the user's
        entries[PACKAGE_FILE] = package_entry(sha256(PACKAGE))
    return Comparison(tuple(states), _manifest_state(job.output, manifest, entries), manifest.problem)


def _manifest_state(folder: Path, manifest: Manifest, entries: dict[str, Entry]) -> FileState:
    path = folder / MANIFEST_FILE
    before = read_file(path)
    if manifest.entries == entries:
        return FileState(path, before, before, "fresh")
    return FileState(path, dump_manifest(entries), before, "stale")
