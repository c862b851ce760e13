"""Imports the user's module, in the way the user runs it, and says in plain words why that failed.

A file is imported from where its top package lies; a dotted name is looked up from the current folder and the
project's. What the module prints is kept from our output, and no bytecode is written beside it.
"""

import contextlib
import importlib
import io
import sys
import tokenize
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

from mcp_sessiongen.diagnostics import Diagnostic, SchemaErrors, Source, Span, fatal
from mcp_sessiongen.load.import_advice import advice_for, is_untyped_attribute, untyped_attribute
from mcp_sessiongen.load.targets import Target
from mcp_sessiongen.load.watchdog import VARIABLE, allowed_seconds, limited
from mcp_sessiongen.names import did_you_mean
from mcp_sessiongen.output import HEADER
from mcp_sessiongen.safe_text import safe_repr, safe_str

_PROJECT_FILES: Final = ("pyproject.toml", "setup.py", ".git")
_PACKAGE: Final = Path(__file__).parents[1]
_LIBRARY: Final = str(Path(contextlib.__file__).parent)
_GUARD: Final = 'guard it with  if __name__ == "__main__":'


@dataclass(frozen=True)
class Place:
    """Where a module is looked for: its dotted name, and the folders put before all others."""

    name: str
    roots: tuple[Path, ...]
    file: Path | None


def import_target(target: Target, output: Path) -> ModuleType:
    """Return the target's module.

    Args:
        target: A Python file or module.
        output: The folder for generated modules, which a schema must not import.

    Raises:
        SchemaErrors: If it cannot be imported. A module that calls `os._exit` ends this process instead: nothing
            in here can prevent that.
    """
    place = place_of(target)
    with (
        _importing(place),
        contextlib.chdir(Path.cwd()),  # a module may go elsewhere; we stay
        limited(lambda: _tell(_too_slow(target, None))) as watch,
    ):
        try:
            module = importlib.import_module(place.name)
        except BaseException as error:  # whatever it is, it is the module's: pytest.skip raises none of Exception
            if watch.rings:
                raise _too_slow(target, error) from None
            if isinstance(error, KeyboardInterrupt):  # the user's wish, and no fault of the module
                raise
            raise _finding(target, place, output, error) from None
    _check_identity(target, place, module)
    return module


@contextlib.contextmanager
def answering(target: Target) -> Iterator[None]:
    """Ask what a module holds: where code of the user's raises, the fault is not ours.

    Raises:
        SchemaErrors: If it does.
    """
    try:
        yield
    except SchemaErrors:
        raise
    except Exception as error:
        if not any(map(_is_users, traceback.extract_tb(error.__traceback__))):
            raise
        summary = ": ".join([type(error).__name__, *safe_str(error).strip().splitlines()[:1]])
        what = f"raised {summary} when it was asked what it declares"
        raise _raised(target, error, what, "keep such code out of what schemas are made of") from None


def _is_users(frame: traceback.FrameSummary) -> bool:
    return not frame.filename.startswith((str(_PACKAGE), _LIBRARY, "<")) and "site-packages" not in frame.filename


def file_of(target: Target) -> str:
    """Return the file by which a target that was imported is the same module; "" if only its name will do."""
    if target.kind == "file":
        return target.given
    file = getattr(sys.modules.get(target.given), "__file__", None) or ""
    if not file.endswith(".py") or not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts):
        return ""
    # In a namespace package it would have another name, and so would the types in it.
    return file if place_of(Target(file, "file")).name == target.given else ""


def source_of(path: str) -> Source:
    """Return the source of a Python file, for positions; an empty one if it cannot be read."""
    try:
        with tokenize.open(path) as stream:
            return Source(path, stream.read(), breaks="\n")
    except (OSError, ValueError, SyntaxError):
        return Source(path)


def shown(path: str | Path) -> str:
    """Return a path as a user would write it: relative to the current folder, if it is inside."""
    resolved = Path(path).resolve()
    here = Path.cwd()
    return str(resolved.relative_to(here)) if resolved.is_relative_to(here) else str(resolved)


def place_of(target: Target) -> Place:
    """Return where the module of a target is looked for."""
    if target.kind == "module":
        usable = (root for root in roots_from(Path.cwd()) if not _is_hidden_in(root, target.given))
        return Place(target.given, tuple(usable), None)
    file = Path(target.given).resolve()
    parts, folder = [file.stem] if file.stem != "__init__" else [], file.parent
    while (folder / "__init__.py").exists() and folder != folder.parent:
        parts.append(folder.name)
        folder = folder.parent
    return Place(".".join(reversed(parts)), tuple(roots_from(folder)), file)


def roots_from(folder: Path) -> list[Path]:
    """Return where a project's own modules are: in a folder of it, in its `src`, and in its uppermost folder."""
    above = (folder, *folder.parents)
    project = next((one for one in above if any((one / name).exists() for name in _PROJECT_FILES)), folder)
    return [root for root in dict.fromkeys((folder, project / "src", project)) if root.is_dir()]


def _is_hidden_in(folder: Path, module: str) -> bool:
    """Tell whether a folder has a generated file in the place of a module: that which was made of it."""
    try:
        with (folder / f"{module.partition('.')[0]}.py").open("rb") as stream:
            return stream.read(len(HEADER)) == HEADER.encode()
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def _importing(place: Place) -> Iterator[None]:
    path, bytecode = list(sys.path), sys.dont_write_bytecode
    # With `python -m`, the current folder is on the path already.
    others = [entry for entry in path if place.file or not _is_hidden_in(Path(entry), place.name)]
    sys.path[:] = [*map(str, place.roots), *others]
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            # Where it matters, we tell it ourselves, as an error at the field.
            warnings.filterwarnings("ignore", r"Field name \".*\" in \".*\" shadows an attribute", UserWarning)
            yield
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = bytecode


def _check_identity(target: Target, place: Place, module: ModuleType) -> None:
    found = getattr(module, "__file__", None)
    if place.file is None or (found and Path(found).resolve() == place.file):
        return
    other = shown(found) if found and place.name not in sys.stdlib_module_names else "a module of Python itself"
    message = f"it would be imported as {place.name!r}, but that is {other}"
    raise fatal(Source(target.given).span(), "import-failed", message, "rename the file, or put it into a package")


# --- failures ------------------------------------------------------------------------------------------------------


def _finding(target: Target, place: Place, output: Path, error: BaseException) -> SchemaErrors:
    """Return why an import failed."""
    match error:
        case SyntaxError():
            return _syntax_error(target, error)
        case ModuleNotFoundError():
            return _not_found(target, place, error, output)
        case SystemExit():
            what = f"called sys.exit({safe_repr(error.code)}) while it was imported"
            return _raised(target, error, what, _GUARD)
        case _ if is_untyped_attribute(error):
            *_, last = [Source(target.given).span(), *_user_frames(target, error)]
            span, name, hint = untyped_attribute(error, last)
            return fatal(span, "import-failed", f"{name} has no type", hint)
        case _:
            summary = ": ".join([type(error).__name__, *safe_str(error).strip().splitlines()[:1]])
            return _raised(target, error, f"raised {summary}", advice_for(error))


def _too_slow(target: Target, error: BaseException | None) -> SchemaErrors:
    what = f"was still being imported after {allowed_seconds():g} seconds"
    hint = f"allow more with {VARIABLE}, or {_GUARD}"
    if error is None:
        return fatal(Source(target.given).span(), "import-failed", f"the module {what}", hint)
    return _raised(target, error, what, hint)


def _tell(errors: SchemaErrors) -> None:
    """Say what is wrong when nobody else will."""
    sys.stderr.write(f"{errors}\n")
    sys.stderr.flush()


def _syntax_error(target: Target, error: SyntaxError) -> SchemaErrors:
    path = _as_given(target, error.filename or target.given)
    end = error.end_offset or 0
    length = end - (error.offset or 1) if error.end_lineno == error.lineno else 1
    span = source_of(path).span(error.lineno or 1, max(1, error.offset or 1), max(1, length))
    return fatal(span, "import-failed", f"not valid Python: {error.msg}", "correct the syntax")


def _not_found(target: Target, place: Place, error: ModuleNotFoundError, output: Path) -> SchemaErrors:
    missing = error.name if isinstance(error.name, str) else ""
    if place.file is None and (missing == place.name or place.name.startswith(f"{missing}.")) and missing:
        return _no_module(target, place, missing)
    if _is_output(missing, place.roots, output):
        message = f"it imports {missing!r}, which is what mcp-sessiongen is about to write"
        hint = "keep schemas in a module that does not import the generated one"
        return _raised(target, error, message, hint, verbatim=True)
    message = f"it imports {missing!r}, which is not installed for {Path(sys.executable).name} {sys.version.split()[0]}"
    return _raised(
        target, error, message, "install it, or run mcp-sessiongen in the environment that has it", verbatim=True
    )


def _no_module(target: Target, place: Place, missing: str) -> SchemaErrors:
    looked = ", ".join(shown(root) if root != Path.cwd() else "the current folder" for root in place.roots)
    what = "module" if "." in target.given else "file, folder or module"
    where = f"in {looked} and among installed packages" if looked else "among installed packages"
    message = f"there is no {what} {missing!r}; modules are looked for {where}"
    parent, _, last = missing.rpartition(".")
    if parent in sys.modules and last[:1].isupper():
        hint = f"write a colon before the name of a class: {parent}:{last}"
    elif _is_hidden_in(Path.cwd(), missing):
        hint = f"{missing.partition('.')[0]}.py is generated code: name what it is generated from"
    else:
        near = did_you_mean(last, _modules_in(place.roots))
        hint = near or "run this where the module can be imported"
    return fatal(Source(target.given).nowhere(), "import-failed", message, hint)


def _raised(target: Target, error: BaseException, what: str, hint: str, *, verbatim: bool = False) -> SchemaErrors:
    """Return the finding at the user's own last frame; the frame before it is related."""
    spans = _user_frames(target, error)
    message = what if verbatim else f"the module {what}"
    *before, last = spans or [Source(target.given).span()]
    related = tuple((span, "called from here") for span in before[-1:])
    return SchemaErrors([Diagnostic(last, "import-failed", message, hint, related)])


def _user_frames(target: Target, error: BaseException) -> list[Span]:
    ours = (str(_PACKAGE), str(Path(importlib.__file__).parent), "<frozen", "<string")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]
    own = [frame for frame in frames if not frame.filename.startswith(_LIBRARY)]
    own = [frame for frame in own or frames if "site-packages" not in frame.filename] or own or frames
    spans = []
    for frame in own:
        source = source_of(_as_given(target, frame.filename))
        line = frame.lineno or 1
        text = source.lines[line - 1] if line <= len(source.lines) else ""
        indent = len(text) - len(text.lstrip())
        spans.append(source.span(line, indent + 1, max(1, len(text.strip()))))
    return spans


def _as_given(target: Target, path: str) -> str:
    if target.kind == "file" and Path(path).resolve() == Path(target.given).resolve():
        return target.given
    return shown(path)


def _modules_in(roots: tuple[Path, ...]) -> list[str]:
    return [
        entry.stem
        for root in roots
        for entry in sorted(root.iterdir())
        if (entry.suffix == ".py" or (entry / "__init__.py").exists()) and entry.stem.isidentifier()
    ]


def _is_output(module: str, roots: tuple[Path, ...], output: Path) -> bool:
    parts = module.split(".")
    folder = output.resolve()
    return any(folder in (path := root.joinpath(*parts), path.parent) for root in roots if module)
