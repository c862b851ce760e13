"""The project's own settings: `[tool.mcp-sessiongen]` in pyproject.toml.

```toml
[tool.mcp-sessiongen]
sources = ["schemas", "app.models:Wizard"]    # files, folders and modules, as on a command line
output = "app/sessions"                       # or package = "app.sessions"

[tool.mcp-sessiongen.lint]
ignore = ["lint-key-doc"]
```

Several sets of schemas are several `[[tool.mcp-sessiongen.targets]]` with the same keys. The nearest
pyproject.toml that has the table counts, from the current folder upwards; paths are relative to it.
"""

import keyword
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from mcp_sessiongen.diagnostics import Report, Source, Span, fatal
from mcp_sessiongen.toml_places import span_of

FILE: Final = "pyproject.toml"
TABLE: Final = "mcp-sessiongen"
_MISNAMED: Final = "mcp_sessiongen"

_TARGET: Final = ("sources", "output", "package")
_BREAKING: Final = ("against", "select", "ignore")
_TOP: Final = (*_TARGET, "targets", "lint", "breaking")


@dataclass(frozen=True)
class Job:
    """Sources that are compiled into a folder.

    Attributes:
        sources: As on a command line in the current folder.
        output: The folder.
        is_whole: Whether nothing else is meant to be compiled into that folder.
    """

    sources: tuple[str, ...]
    output: Path
    is_whole: bool = False


@dataclass(frozen=True)
class BreakingSettings:
    """What `breaking` does if the command line says nothing else.

    Attributes:
        against: What was released: "git:REF", or a path in the current folder; "" for the snapshot beside the settings.
        select: Rules and categories that are on; () for all.
        ignore: Those that are off.
    """

    against: str = ""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True)
class Config:
    """What a project has set.

    Attributes:
        path: The file.
        jobs: What there is to compile; one job for each output folder.
        ignore: The linter's rules that are off.
        breaking: What is said of `breaking`.
    """

    path: Path
    jobs: tuple[Job, ...]
    ignore: tuple[str, ...]
    breaking: BreakingSettings = BreakingSettings()


def current_folder() -> Path:
    """Return the current folder.

    Raises:
        SchemaErrors: If it was deleted.
    """
    try:
        return Path.cwd()
    except OSError:
        message, hint = "the current folder does not exist any more", "change to another one"
        raise fatal(Source(".").nowhere(), "file-not-found", message, hint) from None


def find_config() -> Config | None:
    """Return the settings that count in the current folder, if there are any.

    Raises:
        SchemaErrors: If they are wrong, or the current folder was deleted.
    """
    here = current_folder()
    for folder in (here, *here.parents):
        path = folder / FILE
        if path.is_file():
            config = _read(path)
            if config:
                return config
    return None


def _read(path: Path) -> Config | None:
    shown = os.path.relpath(path)
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise fatal(Source(shown).span(), "bad-config", f"cannot read it: {error.strerror}", "check the file") from None
    except UnicodeDecodeError:
        raise fatal(Source(shown).span(), "bad-config", "it is not UTF-8 text", "save it as UTF-8") from None
    source = Source(shown, text, breaks="\n")
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise fatal(_error_span(source, str(error)), "bad-config", f"not valid TOML: {error}", "correct it") from None
    tools = content.get("tool")
    if not isinstance(tools, dict) or TABLE not in tools:
        if isinstance(tools, dict) and _MISNAMED in tools:
            span = span_of(source, ("tool", _MISNAMED))
            message, hint = f"there are no settings called tool.{_MISNAMED}", f"write  [tool.{TABLE}]"
            raise fatal(span, "bad-config", message, hint)
        return None
    return _Reader(source, path).config(tools[TABLE])


def _error_span(source: Source, message: str) -> Span:
    """Return the position that a message of tomllib ends with."""
    numbers = [int(word) for word in message.replace(",", " ").replace(")", " ").split() if word.isdigit()]
    if "at line" in message and len(numbers) >= 2:
        return source.span(*numbers[-2:])
    return source.span(max(1, len(source.text.rstrip().split("\n"))))


class _Reader:
    def __init__(self, source: Source, path: Path) -> None:
        self.source = source
        self.path = path
        self.report = Report()

    def config(self, table: object) -> Config:
        top = self.table(table, (), _TOP)
        targets = self.targets(top)
        lint = self.table(top.get("lint", {}), ("lint",), ("ignore",))
        ignore = self.rules(self.words(lint, ("lint", "ignore")))
        breaking = self.breaking(self.table(top.get("breaking", {}), ("breaking",), _BREAKING))
        jobs = [self.job(target, keys) for target, keys in targets]
        self.report.raise_if_any()
        return Config(self.path, _joined(job for job in jobs if job), ignore, breaking)

    def rules(self, names: tuple[str, ...]) -> tuple[str, ...]:
        from mcp_sessiongen.lint.codes import LINT_CODES
        from mcp_sessiongen.names import did_you_mean

        for name in names:
            if name not in LINT_CODES:
                hint = did_you_mean(name, LINT_CODES) or f"there are: {', '.join(LINT_CODES)}"
                self.error(("lint", "ignore"), f"there is no rule {name!r}", hint)
        return names

    def breaking(self, table: Mapping[str, object]) -> BreakingSettings:
        if not table:
            return BreakingSettings()
        from mcp_sessiongen.breaking.codes import problem_with

        given = {name: self.words(table, ("breaking", name)) for name in ("select", "ignore")}
        for key, names in given.items():
            for problem, hint in filter(None, map(problem_with, names)):
                self.error(("breaking", key), problem, hint)
        against = table.get("against", "")
        if not isinstance(against, str) or "\0" in against:
            self.error(("breaking", "against"), "against is not a text", 'write  against = "git:main"')
            return BreakingSettings()
        place = against if against.startswith("git:") or not against else os.path.relpath(self.path.parent / against)
        return BreakingSettings(place, given["select"], given["ignore"])

    def targets(self, top: Mapping[str, object]) -> list[tuple[Mapping[str, object], tuple[str | int, ...]]]:
        given = top.get("targets")
        own = [key for key in _TARGET if key in top]
        if given is None:
            return [(top, ())] if own else []
        if own:
            self.error((own[0],), f"{own[0]!r} stands beside targets", "move it into one of the targets")
        if not isinstance(given, list):
            self.error(("targets",), "targets is not an array of tables", f"write  [[tool.{TABLE}.targets]]")
            return []
        keys: list[tuple[str | int, ...]] = [("targets", number) for number in range(len(given))]
        return [(self.table(target, key, _TARGET), key) for target, key in zip(given, keys, strict=True)]

    def job(self, target: Mapping[str, object], keys: tuple[str | int, ...]) -> Job | None:
        found = len(self.report.found)
        sources = self.words(target, (*keys, "sources"))
        is_misspelt = any(name not in (*_TOP, *_TARGET) for name in target)  # which was said already
        if not sources and found == len(self.report.found) and not is_misspelt:
            self.error((*keys, "sources"), "no sources are named", 'add  sources = ["schemas"]')
        for source in sources:
            self.require_source(source, (*keys, "sources"))
        output = self.folder(target, keys)
        if output is None or found != len(self.report.found):
            return None
        return Job(tuple(map(self.placed, sources)), Path(os.path.relpath(self.path.parent / output)), is_whole=True)

    def require_source(self, source: str, keys: tuple[str | int, ...]) -> None:
        """Report a source that is nothing, and nearly what there is; of the rest, who compiles it will tell."""
        from mcp_sessiongen.names import did_you_mean

        project = self.path.parent
        places = [
            project / source,
            project / f"{source}.py",
            project / "src" / source,
            project / "src" / f"{source}.py",
        ]
        if not source.isidentifier() or any(place.exists() for place in places):
            return
        hint = did_you_mean(source, sorted(entry.name for entry in project.iterdir() if entry.is_dir()))
        if hint and not find_spec(source):
            self.error(keys, f"there is no file, folder or module {source!r}", hint)

    def folder(self, target: Mapping[str, object], keys: tuple[str | int, ...]) -> Path | None:
        given = [key for key in ("output", "package") if key in target]
        if len(given) != 1:
            message = "output and package are both given" if given else "neither output nor package is given"
            self.error(
                (*keys, *given[:1]), message, 'write either  output = "app/sessions"  or  package = "app.sessions"'
            )
            return None
        value = target[given[0]]
        if not isinstance(value, str) or not value or "\0" in value:
            self.error((*keys, given[0]), f"{given[0]} is not a text that names a folder", f'write  {given[0]} = "..."')
            return None
        return Path(value) if given[0] == "output" else self.package(value, (*keys, "package"))

    def package(self, name: str, keys: tuple[str | int, ...]) -> Path | None:
        """Return the folder of a package: below the project's folder, or below `src` if its parent is there."""
        parts = name.split(".")
        if not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
            self.error(keys, f"{name!r} is not the name of a package", 'write it as in an import: "app.sessions"')
            return None
        project = self.path.parent
        places = [Path(), Path("src")]
        there = [place for place in places if (project / place / parts[0]).is_dir()]
        if len(there) > 1:
            self.error(keys, f"{parts[0]} is both in the project's folder and in src", "name the folder as  output")
            return None
        place = there[0] if there else places[(project / "src").is_dir()]
        return place.joinpath(*parts)

    def placed(self, source: str) -> str:
        """Return a source as it is called from the current folder; modules have their names everywhere."""
        is_path = "/" in source or os.sep in source or source.partition(":")[0].endswith((".yaml", ".yml", ".py"))
        if is_path or (self.path.parent / source).exists():
            return os.path.relpath(self.path.parent / source)
        return source

    # --- shapes ----------------------------------------------------------------------------------------------------

    def table(self, value: object, keys: tuple[str | int, ...], known: Iterable[str]) -> Mapping[str, object]:
        """Return a table, and report what it should not have."""
        from mcp_sessiongen.names import did_you_mean

        name = _shown(keys)
        if not isinstance(value, dict):
            self.error(keys, f"{name} is not a table", f"write  [{name}]")
            return {}
        for key in value:
            if key not in known:
                hint = did_you_mean(key, known) or f"it has: {', '.join(known)}"
                self.error((*keys, key), f"{name} has no key {key!r}", hint)
        return value

    def words(self, table: Mapping[str, object], keys: tuple[str | int, ...]) -> tuple[str, ...]:
        """Return a list of texts."""
        value = table.get(str(keys[-1]), [])
        if isinstance(value, list) and all(isinstance(item, str) and item for item in value):
            return tuple(value)
        self.error(keys, f"{keys[-1]} is not a list of texts", f'write  {keys[-1]} = ["..."]')
        return ()

    def error(self, keys: tuple[str | int, ...], message: str, hint: str) -> None:
        self.report.error(span_of(self.source, ("tool", TABLE, *keys)), "bad-config", message, hint)


def _joined(jobs: Iterable[Job]) -> tuple[Job, ...]:
    """Return one job for each output folder."""
    table: dict[Path, Job] = {}
    for job in jobs:
        earlier = table.get(job.output)
        sources = (*earlier.sources, *job.sources) if earlier else job.sources
        table[job.output] = Job(sources, job.output, is_whole=True)
    return tuple(table.values())


def _shown(keys: tuple[str | int, ...]) -> str:
    return ".".join(("tool", TABLE, *(key for key in keys if isinstance(key, str))))
