"""The whole way from targets to texts: load, analyze, render. Reads, but never writes."""

import keyword
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from mcp_sessiongen import ir
from mcp_sessiongen.analyze import analyze
from mcp_sessiongen.declarations import Declarations
from mcp_sessiongen.diagnostics import Report, Source, fatal
from mcp_sessiongen.load.module_scope import ModuleScopes
from mcp_sessiongen.load.targets import Target, find_targets
from mcp_sessiongen.load.yaml_schema import load_yaml
from mcp_sessiongen.names import snake_case
from mcp_sessiongen.render import PACKAGE, render


def compile_sources(arguments: tuple[str, ...], output: Path) -> dict[str, str]:
    """Return the text of every file that belongs into an output folder, by file name.

    Args:
        arguments: Sources as a user names them.
        output: The folder; only needed to write down how the sources are called from there.

    Raises:
        SchemaErrors: If anything is wrong with any of them; all findings at once.
    """
    _require_folder()
    report = Report()
    scopes = ModuleScopes()
    compiled: dict[str, Compiled] = {}
    for target in find_targets(arguments, report):
        with report.gathering():
            _claim(compile_target(target, output, report, scopes), compiled)
    report.raise_if_any()
    files = {f"{stem}.py": render(found.module, _from_folder(found, output)) for stem, found in compiled.items()}
    return {"__init__.py": PACKAGE, **dict(sorted(files.items()))}


@dataclass(frozen=True)
class Compiled:
    """What became of a target.

    Attributes:
        target: The source.
        module: What it means.
        file: The file to name in the output; "" for a module that is found by its name.
    """

    target: Target
    module: ir.Module
    file: str


def compile_target(target: Target, output: Path, report: Report, scopes: ModuleScopes) -> Compiled:
    """Return what one source means; findings that leave the rest readable go into the report.

    Args:
        target: The source.
        output: The folder for generated modules.
        report: Takes the findings.
        scopes: Keeps what Python schemas import.

    Raises:
        SchemaErrors: If the source cannot be read.
    """
    stem = target.stem
    if not stem.isascii() or not stem.isidentifier() or keyword.iskeyword(stem) or stem.startswith("__"):
        better = f"{stem}_schema" if keyword.iskeyword(stem) else snake_case(stem)
        hint = f"rename it to {better}{Path(target.given).suffix}" if better.isidentifier() else "rename it"
        message = f"the generated module would be called {stem!r}, which is not a module name"
        raise fatal(Source(target.given).span(), "bad-name", message, hint)
    if target.kind == "yaml":
        return Compiled(target, analyze(_load_yaml(target, report), report), target.given)
    # Imported here: only Python schemas need it.
    from mcp_sessiongen.load.pydantic_schema import load_pydantic
    from mcp_sessiongen.load.python_import import file_of, place_of

    with scopes.of(place_of(target).roots):
        declared = load_pydantic(target, output, report)
        return Compiled(target, analyze(declared, report), file_of(target))


def _load_yaml(target: Target, report: Report) -> Declarations:
    if target.attribute:
        hint = "leave out the part after the colon"
        raise fatal(Source(target.given).span(), "not-a-schema", "a YAML file has no classes to choose", hint)
    return load_yaml(target.given, _read(target.given), report)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        message = f"cannot read it: {error.strerror}"
        raise fatal(Source(path).span(), "file-not-found", message, "check the file and its permissions") from None


def _require_folder() -> None:
    try:
        Path.cwd()
    except OSError:
        message, hint = "the current folder does not exist any more", "change to another one"
        raise fatal(Source(".").span(), "file-not-found", message, hint) from None


def _claim(found: Compiled, compiled: dict[str, Compiled]) -> None:
    target = found.target
    if target.stem in compiled:
        other = compiled[target.stem].target.given
        message = f"{other} and {target.given} would both be written to {target.stem}.py"
        raise fatal(Source(target.given).span(), "duplicate-output", message, "rename one, or use two output folders")
    compiled[target.stem] = found


def _from_folder(found: Compiled, output: Path) -> str:
    """Return how a source is called on a command line in the output folder, wherever this runs now."""
    target, called = found.target, found.target.given
    if found.file:
        called = os.path.relpath(Path(found.file).resolve(), output.resolve()).replace(os.sep, "/")
        called = f"./{called}" if called.startswith("-") else called
    return shlex.quote(f"{called}:{target.attribute}" if target.attribute else called)
