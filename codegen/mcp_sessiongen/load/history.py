"""The older versions of sessions: schema files in the folder `history` beside the schema, one for each version."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

from mcp_sessiongen import ir
from mcp_sessiongen.diagnostics import Report, SchemaErrors, Source, Span, fatal
from mcp_sessiongen.history import Past, Version, lacking, past_of
from mcp_sessiongen.past_types import clashing

FOLDER: Final = "history"

ReadYaml: TypeAlias = Callable[[str, Report], ir.Module]
"""Takes the path of a YAML schema, and returns what it means; findings go into the report."""


def file_of(schema: Path, session: str, version: int) -> Path:
    """Return where a version of a session is kept.

    Args:
        schema: The file of the schema as it is.
        session: The session.
        version: An older version of it.
    """
    return schema.parent / FOLDER / f"{session}.v{version}.yaml"


def history_text(version: Version) -> str:
    """Return the file of a version.

    A session that was bound to a class of the user's is written as its keys; what the class does besides is not.

    Raises:
        SchemaErrors: If YAML has no words for it.
    """
    from mcp_sessiongen.export.inexpressible import Inexpressible
    from mcp_sessiongen.export.yaml_form import export_yaml

    keys = tuple(replace(key, default=None) if key.default == ir.OfModel() else key for key in version.session.keys)
    session = replace(version.session, model=None, fingerprint="", migrations=(), keys=keys)
    try:
        return export_yaml(replace(version.module, sessions=(session,)), {})
    except Inexpressible as problem:
        message = f"version {version.number} of {session.name} cannot be written as YAML: {problem}"
        raise fatal(Source(session.name).nowhere(), "not-exportable", message, problem.hint) from None


def load_past(schema: Path, module: ir.Module, span: Span, read: ReadYaml, report: Report) -> dict[str, Past]:
    """Return the pasts of the sessions that have one, by name.

    Args:
        schema: The file of the schema.
        module: What it means.
        span: Where to report what is missing.
        read: Reads a schema file.
        report: Takes the findings.
    """
    pasts = {}
    for session in module.sessions:
        if session.version == 1:
            continue
        before = len(report.found)
        known = known_versions(schema, session, read, report)
        if len(report.found) > before:
            continue
        if missing := lacking(session, known):
            _report_missing(schema, session, missing[0], span, report)
        elif gaps := sorted(set(range(min(known, default=session.version), session.version)) - known.keys()):
            _report_gap(schema, session, gaps[0], span, report)
        else:
            pasts[session.name] = past_of(module, session, known)
    if taken := clashing(module, pasts):
        message = f"{taken!r}, which the generated module needs for an older version, is the name of something else"
        report.error(span, "name-clash", message, "rename the type, key or session that is called so")
    return pasts


def known_versions(schema: Path, session: ir.Session, read: ReadYaml, report: Report) -> dict[int, Version]:
    """Return the older versions of a session that are in the folder, by number.

    Args:
        schema: The file of the schema.
        session: The session as it is.
        read: Reads a schema file.
        report: Takes the findings.
    """
    known = {}
    for number in _numbers(schema, session):
        with report.gathering():
            known[number] = _version(file_of(schema, session.name, number), session.name, number, read, report)
    return known


def _numbers(schema: Path, session: ir.Session) -> list[int]:
    begin, end = f"{session.name}.v", ".yaml"
    files = (schema.parent / FOLDER).glob(f"{begin}*{end}")
    told = [path.name.removeprefix(begin).removesuffix(end) for path in files]
    numbers = [int(number) for number in told if number.isascii() and number.isdigit() and number[0] != "0"]
    return sorted(number for number in numbers if number < session.version)


def _version(path: Path, session: str, number: int, read: ReadYaml, report: Report) -> Version:
    own = Report()
    module = read(str(path), own)
    report.found.extend(own.found)
    if own.found:
        raise SchemaErrors([])
    named = [(one.name, one.version) for one in module.sessions]
    if named != [(session, number)]:
        found = ", ".join(f"version {version} of {name}" for name, version in named)
        message = f"it should have version {number} of {session} and nothing else, and has {found}"
        hint = f"correct it; or remove it, then run  mcp-sessiongen migration new {session} --against git:REF"
        raise fatal(Source(str(path), path.read_text(encoding="utf-8")).span(), "bad-history", message, hint)
    return Version(module)


def _report_gap(schema: Path, session: ir.Session, number: int, span: Span, report: Report) -> None:
    path = file_of(schema, session.name, number)
    message = f"an older version of {session.name} is there, and there is no {path}: what it moved is not known"
    hint = (
        f"write it:  mcp-sessiongen migration new {session.name} --against git:REF  where version {number} was released"
    )
    report.error(span, "no-history", message, hint)


def _report_missing(schema: Path, session: ir.Session, number: int, span: Span, report: Report) -> None:
    path = file_of(schema, session.name, number)
    call = next(call for call in session.migrations if number in (call.to - 1, call.to))
    message = (
        f"the migration of {session.name} to version {call.to} needs version {number} as it was, and there is no {path}"
    )
    hint = f"write it:  mcp-sessiongen migration new {session.name} --against git:REF"
    report.error(span, "no-history", message, hint)
