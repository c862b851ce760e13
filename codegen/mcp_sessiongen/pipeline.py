"""The whole way from targets to texts: load, analyze, render. Reads, but never writes."""

import gc
import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from mcp_sessiongen import ir
from mcp_sessiongen.analyze import analyze
from mcp_sessiongen.config import current_folder
from mcp_sessiongen.declarations import Declarations
from mcp_sessiongen.diagnostics import Report, Source, fatal
from mcp_sessiongen.history import Past, Version
from mcp_sessiongen.load.module_scope import ModuleScopes
from mcp_sessiongen.load.targets import Target, called_from, find_targets
from mcp_sessiongen.load.yaml_imports import YamlImports
from mcp_sessiongen.load.yaml_schema import load_yaml
from mcp_sessiongen.manifest import Entry, seal_of, sha256
from mcp_sessiongen.names import is_module_name, near_module_name
from mcp_sessiongen.output import GeneratedFile
from mcp_sessiongen.render import PACKAGE, render
from mcp_sessiongen.second_process import second_process

Step: TypeAlias = Callable[[str], None]
"""Takes the name of the source that is worked on."""

_OBJECTS: Final = 200_000
"""How many more objects there are than at the last search for garbage when the next one is due."""

_NOWHERE: Final = Path(os.devnull)


def _no_step(source: str) -> None:
    del source


Known: TypeAlias = Callable[[Target], GeneratedFile | None]
"""Returns what a source gives, if that is known."""


def _not_known(target: Target) -> None:
    del target


def compile_sources(arguments: tuple[str, ...], output: Path) -> dict[str, str]:
    """Return the text of every file that belongs into an output folder, by file name.

    Args:
        arguments: Sources as a user names them.
        output: The folder; only needed to write down how the sources are called from there.

    Raises:
        SchemaErrors: If anything is wrong with any of them; all findings at once.
    """
    generated = compile_files(arguments, output)
    return {"__init__.py": PACKAGE, **{file.name: file.text for file in generated}}


def compile_files(
    arguments: tuple[str, ...], output: Path, step: Step = _no_step, known: Known = _not_known
) -> list[GeneratedFile]:
    """Return the modules that belong into an output folder, sorted by name.

    Args:
        arguments: Sources as a user names them.
        output: The folder; only needed to write down how the sources are called from there.
        step: Told which source is worked on.
        known: Returns what a source gives, if that is known already.

    Raises:
        SchemaErrors: If anything is wrong with any of them; all findings at once.
    """
    current_folder()
    report, scopes = Report(), ModuleScopes()
    targets = find_targets(arguments, report)
    ready = {target: file for target in targets if (file := known(target))}
    todo = [target for target in targets if target not in ready]
    names: dict[str, Target] = {}
    generated = []
    with _rare_collections(), second_process(partial(_faultless, output=output), todo) as arrived:
        for target in targets:
            step(target.given)
            ready.update(arrived())
            with report.gathering():
                found = None if target in ready else _compile_whole(target, output, report, scopes)
                _claim(target, names)
                if not report.found:
                    generated.append(_generated(found, output) if found else ready.pop(target))
    report.raise_if_any()
    return sorted(generated, key=lambda file: file.name)


def _faultless(target: Target, output: Path) -> GeneratedFile | None:
    """Return what becomes of a YAML schema by itself; None if there is anything to say about it, or to import."""
    report = Report()
    if target.kind == "yaml":
        with report.gathering():
            found = _compile_whole(target, output, report, ModuleScopes(is_closed=True))
            return None if report.found else _generated(found, output)
    return None


def compile_modules(arguments: tuple[str, ...], *, history: bool = False) -> list["Compiled"]:
    """Return what sources mean, in the order given.

    Args:
        arguments: Sources as a user names them.
        history: Whether to read the older versions of the sessions too, as far as they are there.

    Raises:
        SchemaErrors: If anything is wrong with any of them; all findings at once.
    """
    current_folder()
    report, scopes = Report(), ModuleScopes()
    compiled: list[Compiled] = []
    with _rare_collections():
        for target in find_targets(arguments, report):
            with report.gathering():
                found = compile_target(target, _NOWHERE, report, scopes)
                compiled.append(_with_known(found, report, scopes) if history and not report.found else found)
    report.raise_if_any()
    return compiled


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Have Python look for garbage less often: nearly all of ours is freed without, and looking takes as long again."""
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@dataclass(frozen=True)
class Compiled:
    """What became of a target.

    Attributes:
        target: The source.
        module: What it means.
        file: The file to name in the output; "" for a module that is found by its name.
        declared: How that is written, for positions.
        raw: The schema file, if nothing else has a part in what it means.
        pasts: What came before the present versions of its sessions, by name; empty where nobody has asked for it.
        known: The same for the older versions of its sessions, by name and number.
    """

    target: Target
    module: ir.Module
    file: str
    declared: Declarations
    raw: bytes | None = None
    pasts: Mapping[str, Past] = field(default_factory=dict)
    known: Mapping[str, Mapping[int, Version]] = field(default_factory=dict)


def _compile_whole(target: Target, output: Path, report: Report, scopes: ModuleScopes) -> Compiled:
    """Return what one source means, together with the past of its sessions."""
    before = len(report.found)
    compiled = compile_target(target, output, report, scopes)
    return compiled if len(report.found) > before else with_pasts(compiled, output, report, scopes)


def with_pasts(compiled: Compiled, output: Path, report: Report, scopes: ModuleScopes) -> Compiled:
    """Return the same, with what came before the present versions of the sessions.

    Args:
        compiled: A source without findings.
        output: The folder for generated modules.
        report: Takes what is wrong with the older versions, or missing.
        scopes: Keeps what Python schemas import.
    """
    if all(session.version == 1 for session in compiled.module.sessions):
        return compiled
    from mcp_sessiongen.load.history import load_past

    source, read = compiled.declared.source, _reader(output, scopes)
    pasts = load_past(Path(source.path), compiled.module, source.span(), read, report)
    # Older versions may come to the folder while the schema stays the same.
    return replace(compiled, raw=None, pasts=pasts)


def _with_known(compiled: Compiled, report: Report, scopes: ModuleScopes) -> Compiled:
    sessions = [session for session in compiled.module.sessions if session.version > 1]
    if not sessions:
        return compiled
    from mcp_sessiongen.load.history import known_versions

    path, read = Path(compiled.declared.source.path), _reader(_NOWHERE, scopes)
    known = {session.name: known_versions(path, session, read, report) for session in sessions}
    return replace(compiled, known=known)


def _reader(output: Path, scopes: ModuleScopes) -> Callable[[str, Report], ir.Module]:
    return lambda path, report: _compile_yaml(Target(path, "yaml"), output, report, scopes).module


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
    _check_name(target, report)
    own = Report()  # whether there is anything to say of this source does not depend on what was said of others
    try:
        return _compile(target, output, own, scopes)
    finally:
        report.found.extend(own.found)


def _compile(target: Target, output: Path, report: Report, scopes: ModuleScopes) -> Compiled:
    if target.kind == "yaml":
        return _compile_yaml(target, output, report, scopes)
    # Imported here: only Python schemas need it.
    from mcp_sessiongen.load.pydantic_schema import load_pydantic
    from mcp_sessiongen.load.python_import import answering, file_of, place_of

    with scopes.of(place_of(target).roots), answering(target):
        declared = load_pydantic(target, output, report)
        return Compiled(target, analyze(declared, report), file_of(target), declared)


def _check_name(target: Target, report: Report) -> None:
    """Judge what the generated module would be called.

    Raises:
        SchemaErrors: If a Python schema has such a name: its classes are imported by it, and all would be refused.
    """
    stem, path = target.stem, Path(target.given)
    if is_module_name(stem):
        return
    is_package = path.name == "__init__.py"
    what = "module" if target.kind == "module" else "folder" if is_package else "file"
    suffix = path.suffix if what == "file" else ""
    better = near_module_name(stem)
    hint = f"rename the {what} to {better}{suffix}" if better else f"rename the {what}: use a-z, 0-9 and underscores"
    message = f"the generated module would be called {stem!r}, which is not a module name"
    found = fatal(Source(target.given).span(), "bad-name", message, hint)
    if target.kind != "yaml":
        raise found
    report.found.extend(found.diagnostics)


def _compile_yaml(target: Target, output: Path, report: Report, scopes: ModuleScopes) -> Compiled:
    if target.names_classes:
        hint = "leave out the part after the colon"
        raise fatal(Source(target.given).span(), "not-a-schema", "a YAML file has no classes to choose", hint)
    raw = _read(target.given)
    with ExitStack() as stack:  # the modules that it imports are needed until all is analyzed

        def enter(roots: tuple[Path, ...]) -> None:
            from mcp_sessiongen.load.python_import import answering

            stack.enter_context(scopes.of(roots))
            stack.enter_context(answering(target))

        imports = YamlImports(output, enter)
        declared = load_yaml(target.given, raw, report, imports)
        module = analyze(declared, report)
    # What a schema imports may change while the schema does not.
    return Compiled(target, module, target.given, declared, None if imports.is_used else raw)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        message = f"cannot read it: {error.strerror}"
        raise fatal(Source(path).nowhere(), "file-not-found", message, "check the file and its permissions") from None


def _claim(target: Target, names: dict[str, Target]) -> None:
    key = target.stem.lower()  # some file systems do not tell Cart.py from cart.py
    if key in names:
        other = names[key].given
        message = f"{other} and {target.given} would both be written to {target.stem}.py"
        raise fatal(Source(target.given).span(), "duplicate-output", message, "rename one, or use two output folders")
    names[key] = target


def _generated(found: Compiled, output: Path) -> GeneratedFile:
    """Return the module for a source, and the entry that tells where it is from."""
    target, called = found.target, called_from(output, found.file) if found.file else found.target.given
    text = render(found.module, shlex.join(target.called(called)), found.pasts)
    digest = sha256(text)
    seal = seal_of(called, found.raw, digest) if found.raw is not None else ""
    entry = Entry(digest, called, "", seal) if found.file else Entry(digest, "", called, seal)
    return GeneratedFile(f"{target.stem}.py", text, entry)
