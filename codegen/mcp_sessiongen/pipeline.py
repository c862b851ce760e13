"""The whole way from targets to texts: load, analyze, render. Reads, but never writes."""

import keyword
import os
import shlex
from pathlib import Path

from mcp_sessiongen import ir
from mcp_sessiongen.analyze import analyze
from mcp_sessiongen.declarations import Declarations
from mcp_sessiongen.diagnostics import Report, Source, fatal
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
    report = Report()
    modules: dict[str, tuple[Target, ir.Module]] = {}
    for target in find_targets(arguments, report):
        with report.gathering():
            module = compile_target(target, output, report)
            _claim(target, module, modules)
    report.raise_if_any()
    files = {f"{stem}.py": render(module, _from_folder(target, output)) for stem, (target, module) in modules.items()}
    return {"__init__.py": PACKAGE, **dict(sorted(files.items()))}


def compile_target(target: Target, output: Path, report: Report) -> ir.Module:
    """Return what one source means; findings that leave the rest readable go into the report.

    Raises:
        SchemaErrors: If the source cannot be read.
    """
    stem = target.stem
    if not stem.isascii() or not stem.isidentifier() or keyword.iskeyword(stem) or stem.startswith("__"):
        better = f"{stem}_schema" if keyword.iskeyword(stem) else snake_case(stem)
        hint = f"rename it to {better}{Path(target.given).suffix}" if better.isidentifier() else "rename it"
        message = f"the generated module would be called {stem!r}, which is not a module name"
        raise fatal(Source(target.given).span(), "bad-name", message, hint)
    return analyze(_load(target, output, report), report)


def _load(target: Target, output: Path, report: Report) -> Declarations:
    if target.kind == "yaml":
        if target.attribute:
            hint = "leave out the part after the colon"
            raise fatal(Source(target.given).span(), "not-a-schema", "a YAML file has no classes to choose", hint)
        return load_yaml(target.given, _read(target.given), report)
    # Imported here: only Python schemas need it.
    from mcp_sessiongen.load.pydantic_schema import load_pydantic

    return load_pydantic(target, output, report)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        message = f"cannot read it: {error.strerror}"
        raise fatal(Source(path).span(), "file-not-found", message, "check the file and its permissions") from None


def _claim(target: Target, module: ir.Module, modules: dict[str, tuple[Target, ir.Module]]) -> None:
    if target.stem in modules:
        other = modules[target.stem][0].given
        message = f"{other} and {target.given} would both be written to {target.stem}.py"
        raise fatal(Source(target.given).span(), "duplicate-output", message, "rename one, or use two output folders")
    modules[target.stem] = (target, module)


def _from_folder(target: Target, output: Path) -> str:
    """Return how a source is called on a command line in the output folder, wherever this runs now."""
    if target.kind == "module":
        called = target.given
    else:
        called = os.path.relpath(Path(target.given).resolve(), output.resolve()).replace(os.sep, "/")
    return shlex.quote(f"{called}:{target.attribute}" if target.attribute else called)
