"""What the command line names: which sources there are, and what kind each is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from mcp_sessiongen.diagnostics import Report, Source

_YAML: Final = (".yaml", ".yml")


@dataclass(frozen=True)
class Target:
    """One source.

    Attributes:
        given: As the user wrote it, without the class.
        kind: What reads it.
        attribute: The class that was asked for; "" for all.
    """

    given: str
    kind: Literal["yaml", "file", "module"]
    attribute: str = ""

    @property
    def stem(self) -> str:
        """The name of the module to generate."""
        if self.kind == "module":
            return self.given.rpartition(".")[2]
        path = Path(self.given)
        return path.resolve().parent.name if path.name == "__init__.py" else path.stem


def find_targets(arguments: tuple[str, ...], report: Report) -> list[Target]:
    """Return the targets, each once, in the order given; a folder stands for its YAML files, sorted by name."""
    found: dict[Target, None] = {}
    for argument in arguments:
        path = Path(argument)
        if path.is_dir():
            inside = sorted(entry.name for entry in path.iterdir() if entry.suffix in _YAML and entry.is_file())
            if not inside:
                message, hint = "no .yaml or .yml file in this folder", "name Python schemas one by one"
                report.error(Source(argument).span(), "empty-schema", message, hint)
            found.update(dict.fromkeys(Target(str(path / entry), "yaml") for entry in inside))
        elif (target := _target(argument, report)) is not None:
            found[target] = None
    return list(found)


def _target(argument: str, report: Report) -> Target | None:
    path, attribute = _split(argument)
    suffix = Path(path).suffix
    if suffix in (*_YAML, ".py"):
        if not Path(path).is_file():
            hint = "check the path; it is relative to the current folder"
            report.error(Source(path).span(), "file-not-found", "no such file", hint)
            return None
        return Target(path, "file" if suffix == ".py" else "yaml", attribute)
    if path and not Path(path).exists() and all(part.isidentifier() for part in path.split(".")):
        return Target(path, "module", attribute)
    hint = "name a .yaml or .py file, a folder, or a module such as app.schemas"
    report.error(Source(argument).span(), "not-a-schema", f"{argument!r} is not a schema source", hint)
    return None


def _split(argument: str) -> tuple[str, str]:
    path, colon, attribute = argument.rpartition(":")
    if colon and attribute and all(part.isidentifier() for part in attribute.split(".")):
        return path, attribute
    return argument, ""
