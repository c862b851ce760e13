"""The snapshot of what was released: `schema.lock.json`, which users commit.

Without docs, and with keys, fields and types in the order of their names: so it changes when what it is for does, line
by line. Each schema has the digest of its part, so that a merge of two changes of one schema does not pass for either.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.subject import Schema
from mcp_sessiongen.diagnostics import Diagnostic, SchemaErrors, Source, fatal
from mcp_sessiongen.export.ir_json import BadIr, json_text, module_of
from mcp_sessiongen.ir_dump import digest, dump

NamedT = TypeVar("NamedT", ir.Model, ir.Session, ir.Enumeration, ir.EnumMember, ir.Field)

NAME: Final = "schema.lock.json"
FORMAT: Final = "mcp-sessiongen snapshot"
VERSION: Final = 1
WRITE: Final = "mcp-sessiongen breaking --write"


class BadSnapshot(ValueError):
    """A text that is no snapshot; the message says why, and the hint what to do."""

    def __init__(self, message: str, hint: str = f"restore the file as it was committed, or run  {WRITE}") -> None:
        super().__init__(message)
        self.hint = hint


def snapshot_text(schemas: Iterable[Schema]) -> str:
    """Return what is written into the file."""
    return json_text(snapshot(schemas))


def snapshot(schemas: Iterable[Schema]) -> dict[str, object]:
    """Return schemas as JSON data, sorted by source."""
    ordered = sorted(schemas, key=lambda schema: schema.source)
    return {"format": FORMAT, "version": VERSION, "schemas": [_entry(schema) for schema in ordered]}


def _entry(schema: Schema) -> dict[str, object]:
    module = normal(schema.module)
    return {"source": schema.source, "module": schema.stem, "digest": digest(module), "means": dump(module)}


def normal(module: ir.Module) -> ir.Module:
    """Return a module without what no rule looks at: docs, and the order of what has names."""
    return ir.Module(
        models=tuple(replace(model, doc="", fields=_fields(model.fields)) for model in _by_name(module.models)),
        sessions=tuple(
            replace(session, doc="", keys=_fields(session.keys), reserved=tuple(sorted(session.reserved)))
            for session in _by_name(module.sessions)
        ),
        enums=tuple(
            replace(enum, doc="", members=tuple(replace(member, doc="") for member in _by_name(enum.members)))
            for enum in _by_name(module.enums)
        ),
    )


def _by_name(items: Iterable[NamedT]) -> list[NamedT]:
    return sorted(items, key=lambda item: item.name)


def _fields(fields: Iterable[ir.Field]) -> tuple[ir.Field, ...]:
    # That a key is deprecated matters, and why does not.
    return tuple(
        replace(field, doc="", deprecated="Deprecated." if field.deprecated else "") for field in _by_name(fields)
    )


def read_snapshot(path: Path) -> list[Schema]:
    """Return the schemas of a snapshot.

    Raises:
        SchemaErrors: If the file cannot be read, or is none that this release understands.
    """
    try:
        return schemas_of(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise refusal(str(path), f"cannot read it: {error.strerror}", "check the file") from None
    except UnicodeDecodeError:
        raise refusal(str(path), "it is not UTF-8 text", f"restore it, or write it anew: {WRITE}") from None
    except BadSnapshot as error:
        raise refusal(str(path), str(error), error.hint) from None


def schemas_of(text: str) -> list[Schema]:
    """Return the schemas of a snapshot's text.

    Raises:
        BadSnapshot: If it is none that this release understands.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        conflict = any(line.startswith("<<<<<<<") for line in text.splitlines())
        raise BadSnapshot("it has merge conflicts" if conflict else f"it is not JSON: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise BadSnapshot("it is not a snapshot of schemas")
    version = content.get("version")
    if type(version) is int and version > VERSION:
        message = f"it was written by a newer mcp-sessiongen, in version {version} of its format"
        raise BadSnapshot(message, "upgrade mcp-sessiongen")
    entries = content.get("schemas")
    if type(version) is not int or version != VERSION or not isinstance(entries, list):
        raise BadSnapshot("it is damaged: it has no schemas, or no version")
    return [_schema(entry, number) for number, entry in enumerate(entries)]


def _schema(entry: object, number: int) -> Schema:
    told: Mapping[str, object] = entry if isinstance(entry, dict) else {}
    source, stem = told.get("source"), told.get("module")
    if not isinstance(source, str) or not isinstance(stem, str):
        raise BadSnapshot(f"it is damaged: schema {number + 1} has no source, or no module")
    try:
        module = module_of(told.get("means"))
    except BadIr as error:
        raise BadSnapshot(f"it is damaged: of {source}, {error}") from None
    if told.get("digest") != digest(module):
        raise BadSnapshot(f"it is damaged: the digest of {source} is not that of what it says, so it was changed")
    return Schema(source, stem, module)


def refusal(path: str, message: str, hint: str, more: Iterable[Diagnostic] = ()) -> SchemaErrors:
    """Return the error for released schemas that cannot be read, with what was found in them."""
    error = fatal(Source(path).nowhere(), "bad-baseline", message, hint)
    return SchemaErrors([*error.diagnostics, *more])
