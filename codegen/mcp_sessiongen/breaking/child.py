"""Reads schemas in a folder as it was, in a process of its own: what is imported now must not be taken for those.

Prints one JSON object: `snapshot`, and `new`, the sources that were not there; or `errors`, as `--error-format json`.
"""

import json
import sys
from pathlib import Path

from mcp_sessiongen.breaking.snapshot import snapshot
from mcp_sessiongen.breaking.sources import schemas_in
from mcp_sessiongen.breaking.subject import Schema
from mcp_sessiongen.config import find_config
from mcp_sessiongen.diagnostics import Report, SchemaErrors, Source, fatal
from mcp_sessiongen.load.targets import Target, find_targets
from mcp_sessiongen.reporting import as_json

SETTINGS = "--settings"


def main(root: Path, arguments: list[str]) -> dict[str, object]:
    """Return what there is to say about the sources.

    Args:
        root: The project's folder, as it was.
        arguments: The sources; with `SETTINGS` among them, those of the settings as they were too.
    """
    try:
        sources = dict.fromkeys(argument for argument in arguments if argument != SETTINGS)
        if SETTINGS in arguments:
            sources.update(dict.fromkeys(_of_settings(root)))
        found, new = _read(list(sources), root)
        return {"snapshot": snapshot(found), "new": new}
    except SchemaErrors as errors:
        return {"errors": json.loads(as_json(errors.diagnostics))}


def _of_settings(root: Path) -> list[str]:
    """Return the sources that the settings named, if there were any in the folder."""
    config = find_config()
    if config is None or root not in config.path.resolve().parents:
        return []
    return [source for job in config.jobs for source in job.sources]


def _read(sources: list[str], root: Path) -> tuple[list[Schema], list[str]]:
    new = [source for source in sources if not _is_there(source, root)]
    there = tuple(source for source in sources if source not in new)
    found = schemas_in(there, root) if there else []
    for schema in found:
        _require_inside(schema, root)
    return found, new


def _is_there(source: str, root: Path) -> bool:
    """Tell whether a file, folder, module or class was in the folder.

    Raises:
        SchemaErrors: If it is a class in a file or module that cannot be read.
    """
    if Path(source).is_dir() and not any(entry.suffix in (".yaml", ".yml") for entry in Path(source).iterdir()):
        return False
    report = Report()
    targets = find_targets((source,), report)
    if report.found or not all(target.kind != "module" or _is_module(target, root) for target in targets):
        return False
    if not any(target.names_classes for target in targets):
        return True
    try:
        schemas_in((source,), root)
    except SchemaErrors as errors:
        if all(one.code == "not-a-schema" and one.message.startswith("no class ") for one in errors.diagnostics):
            return False
        raise
    return True


def _is_module(target: Target, root: Path) -> bool:
    from mcp_sessiongen.load.python_import import place_of

    roots = [folder for folder in place_of(target).roots if folder == root or root in folder.parents]
    paths = [folder.joinpath(*target.given.split(".")) for folder in roots]
    return any(path.is_dir() or path.with_suffix(".py").is_file() for path in paths)


def _require_inside(schema: Schema, root: Path) -> None:
    """Refuse a module that was imported from elsewhere: it would be compared with itself.

    Raises:
        SchemaErrors: If it was.
    """
    module = sys.modules.get(schema.source)
    file = getattr(module, "__file__", None)
    if file and root not in Path(file).resolve().parents:
        message = "it was imported from outside of the folder, so it is not what it was there"
        raise fatal(Source(schema.source).nowhere(), "import-failed", message, "name its file instead of its module")


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]).resolve(), sys.argv[2:])))
