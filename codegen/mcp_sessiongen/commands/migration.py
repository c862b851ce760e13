"""`mcp-sessiongen migration`."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mcp_sessiongen.commands.baseline import settled, snapshot_of
from mcp_sessiongen.commands.shared import (
    Reporter,
    format_option,
    output_option,
    quiet_option,
)

if TYPE_CHECKING:
    from mcp_sessiongen.diagnostics import SchemaErrors
    from mcp_sessiongen.history import Version
    from mcp_sessiongen.ir import Migration, Session
    from mcp_sessiongen.pipeline import Compiled

_ADD: Final = """
Add to the session in {schema}, if a function is needed:

  {line}

then run this again. Without one, a migration moves what `renamed_from` names, drops what `reserved` names, and
leaves the rest as it is."""


@click.group(short_help="Begin a migration of stored sessions.")
def command() -> None:
    """Migrations: what brings stored sessions from one version of a schema to the next."""


@command.command("new", short_help="Write down the version before, a function and its test.")
@click.argument("session")
@click.argument("sources", metavar="[SCHEMA...]", nargs=-1, type=click.Path())
@click.option("--against", metavar="git:REF|FILE|FOLDER", help="What was released; else as for `breaking`.")
@click.option(
    "--tests", metavar="FOLDER", type=click.Path(path_type=Path), help="Where the test goes; else tests in the project."
)
@output_option
@quiet_option
@format_option
def new(
    session: str,
    sources: tuple[str, ...],
    against: str | None,
    tests: Path | None,
    output: Path | None,
    quiet: bool,
    form: str,
) -> None:
    """Begin the migration of SESSION to the version that its schema has now.

    Writes the version that was released into the folder history beside the schema, for the typed models of the
    generated module. If the schema names a function, `migrations: [{to: 3, call: app.migrations:cart_v3}]`, writes its
    beginning, unless it is there, and a test. Changes no file, but adds to the module of the function.
    """
    from mcp_sessiongen.write import write_text

    reporter = Reporter(form, quiet)
    with reporter.guarded("nothing was written"):
        found, before = _before(session, sources, against)
        schema = Path(found.declared.source.path)
        call = next((call for call in _session(found, session).migrations if call.to == before.number + 1), None)
        texts = _plan(found, session, before, call, output, tests)
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, text)
    if form == "json":
        reporter.findings(())
    for path in texts:
        reporter.tell(f"wrote     {_shown(path)}")
    if not texts:
        reporter.tell("all is there already")
    if call is None:
        reporter.tell(_ADD.format(schema=_shown(schema), line=_line(session, before.number + 1, schema)))
    else:
        reporter.tell("\nNext: complete the function and its test, then run  mcp-sessiongen generate")


def _line(session: str, to: int, schema: Path) -> str:
    call = f"app.migrations:{session}_v{to}"
    return f'migrations={{{to}: "{call}"}}' if schema.suffix == ".py" else f'migrations: [{{to: {to}, call: "{call}"}}]'


def _before(name: str, sources: tuple[str, ...], against: str | None) -> "tuple[Compiled, Version]":
    """Return the schema that declares a session, and the session as it was released.

    Raises:
        SchemaErrors: If there is no such session, or its version is not one more than that.
    """
    from mcp_sessiongen.breaking.released import released
    from mcp_sessiongen.history import Version
    from mcp_sessiongen.ir import Module
    from mcp_sessiongen.pipeline import compile_modules
    from mcp_sessiongen.type_parts import types_of

    wanted, settings = settled("migration new", sources)
    compiled = compile_modules(wanted.sources)
    found = next((one for one in compiled for session in one.module.sessions if session.name == name), None)
    if found is None:
        raise _unknown(name, compiled)
    were, _ = released(against or settings.against or snapshot_of(wanted), wanted)
    for module in (schema.module for schema in were):
        for session in module.sessions:
            if session.name == name:
                used = {kind.name for kind in types_of(session, module)}
                models = tuple(model for model in module.models if model.name in used)
                enums = tuple(enum for enum in module.enums if enum.name in used)
                _require_next(found, _session(found, name), session.version)
                return found, Version(Module(models, (session,), enums))
    hint = "name what was released with --against; a new session needs no migration"
    raise _refusal(found, "bad-baseline", f"session {name!r} was not released", hint)


def _unknown(name: str, compiled: "list[Compiled]") -> "SchemaErrors":
    from mcp_sessiongen.names import did_you_mean

    names = [session.name for one in compiled for session in one.module.sessions]
    return _refusal(
        compiled[0],
        "not-a-schema",
        f"no schema declares session {name!r}",
        did_you_mean(name, names) or f"there are: {', '.join(names)}",
    )


def _require_next(found: "Compiled", session: "Session", released: int) -> None:
    if session.version != released + 1:
        message = f"the version of {session.name} is {session.version}, and version {released} was released"
        raise _refusal(found, "bad-value", message, f"write  version: {released + 1}")


def _refusal(found: "Compiled", code: str, message: str, hint: str) -> "SchemaErrors":
    from mcp_sessiongen.diagnostics import fatal

    return fatal(found.declared.source.span(), code, message, hint)


def _session(found: "Compiled", name: str) -> "Session":
    return next(session for session in found.module.sessions if session.name == name)


def _plan(
    found: "Compiled", name: str, before: "Version", call: "Migration | None", output: Path | None, tests: Path | None
) -> dict[Path, str]:
    """Return what there is to write, by file; what is there already is left out, or added to."""
    from mcp_sessiongen.load.history import file_of, history_text
    from mcp_sessiongen.new_migration import NewMigration

    texts = {file_of(Path(found.declared.source.path), name, before.number): history_text(before)}
    if call is not None:
        made = NewMigration(found.module, _session(found, name), before, _generated(found, output), call)
        texts[(tests or _tests_of_project()) / f"test_{name}_v{call.to}.py"] = made.test()
        place = _place_of(call.module)
        if "." in call.module and not place.parent.exists():
            texts[place.parent / "__init__.py"] = ""
        is_there = place.exists() and f"def {made.name}(" in place.read_text(encoding="utf-8")
        if place.exists() and not is_there and made.name.isidentifier():
            return _new_ones(texts) | {place: place.read_text(encoding="utf-8").rstrip() + made.addition()}
        if made.name.isidentifier():
            texts[place] = made.file()
    return _new_ones(texts)


def _tests_of_project() -> Path:
    from mcp_sessiongen.config import find_config
    from mcp_sessiongen.load.python_import import shown

    config = find_config()
    return Path(shown((config.path.parent if config else Path.cwd()) / "tests"))


def _new_ones(texts: dict[Path, str]) -> dict[Path, str]:
    return {path: text for path, text in texts.items() if not path.exists()}


def _generated(found: "Compiled", output: Path | None) -> str:
    """Return the import name of the generated module."""
    from mcp_sessiongen.config import find_config
    from mcp_sessiongen.load.python_import import place_of
    from mcp_sessiongen.load.targets import Target

    config = find_config()
    jobs = config.jobs if config else ()
    folder = output or next((job.output for job in jobs if covers_target(job.sources, found)), None)
    if folder is None:
        raise click.UsageError("Missing option '-o' / '--output': the folder of the generated modules.")
    file = folder / f"{found.target.stem}.py"
    name = place_of(Target(str(file), "file")).name
    return name if "." in name else f"{folder.resolve().name}.{name}"


def covers_target(sources: tuple[str, ...], found: "Compiled") -> bool:
    """Tell whether a schema is among those that sources name."""
    from mcp_sessiongen.breaking.sources import covers

    return covers(sources, found.target.given, Path())


def _place_of(module: str) -> Path:
    """Return the file of a module, or where it belongs."""
    from mcp_sessiongen.load.python_import import roots_from, shown

    first, *_ = parts = module.split(".")
    roots = roots_from(Path.cwd())
    root = next((root for root in roots if (root / first).is_dir() or (root / f"{first}.py").is_file()), roots[0])
    return Path(shown(root.joinpath(*parts).with_suffix(".py")))


def _shown(path: Path) -> str:
    from mcp_sessiongen.diagnostics import printable

    return printable(str(path))
