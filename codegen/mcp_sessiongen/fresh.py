"""Sees that nothing has changed, without compiling anything.

The answer "fresh" has to be that of a full comparison. So every file is read, and whatever is not exactly as
the manifest vouches for is left to the compiler, which is slow and right. Imports nothing that is slow to import.
"""

from pathlib import Path

from mcp_sessiongen.config import Job
from mcp_sessiongen.diagnostics import Report
from mcp_sessiongen.load.targets import Target, called_from, find_targets
from mcp_sessiongen.manifest import Entry, Manifest, made_with, read_manifest, seal_of, sha256
from mcp_sessiongen.output import HEADER, PACKAGE_FILE, GeneratedFile, left_over


def fresh_files(job: Job) -> list[Path] | None:
    """Return the files of a job if all of them are surely up to date; None if that takes a compiler to tell."""
    report = Report()
    folder = job.output
    try:
        manifest = read_manifest(folder)
        if manifest.made_with != made_with() or folder.is_symlink() or not _is_package(folder, manifest):
            return None
        targets = find_targets(job.sources, report)
        names = [f"{target.stem}.py" for target in targets]
        is_known = not report.found and len(set(names)) == len(names)
        if not is_known or left_over(manifest, names, folder, job.is_whole):
            return None
        if all(sealed_file(target, folder, manifest) for target in targets):
            return [folder / name for name in sorted([PACKAGE_FILE, *names])]
    except (OSError, ValueError):
        pass  # the compiler will say what it is
    return None


def sealed_file(target: Target, folder: Path, manifest: Manifest) -> GeneratedFile | None:
    """Return what a schema gives, as it is in the output folder already; None if that takes a compiler to tell."""
    name = f"{target.stem}.py"
    entry = manifest.entries.get(name, Entry(""))
    path = folder / name
    try:
        if target.kind != "yaml" or target.names_classes or not entry.seal or not _is_plain(path):
            return None
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        seal = seal_of(called_from(folder, target.given), Path(target.given).read_bytes(), entry.output)
    except (OSError, ValueError):
        return None
    is_sealed = entry.seal == seal and entry.output == sha256(text) and manifest.made_with == made_with()
    return GeneratedFile(name, text, entry) if is_sealed else None


def package_entry(output: str) -> Entry:
    """Return what the manifest says of a generated package file.

    Args:
        output: The digest of its text.
    """
    return Entry(output, seal=seal_of(PACKAGE_FILE, b"", output))


def _is_package(folder: Path, manifest: Manifest) -> bool:
    """Tell whether the package file is the user's, or surely as this compiler writes it."""
    path = folder / PACKAGE_FILE
    if not _is_plain(path):
        return False
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    return not text.startswith(HEADER) or manifest.entries.get(PACKAGE_FILE) == package_entry(sha256(text))


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
