"""`mcp-sessiongen init`."""

import builtins
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

import click

from mcp_sessiongen.commands.shared import Reporter, format_option, quiet_option

if TYPE_CHECKING:
    from mcp_sessiongen.new_project import NewProject

# The names that the server and its test use where the name of the session stands as well.
_TAKEN: Final = ("answer", "notes", "open_store", "remember", "server", "store", "text")

_NEXT: Final = """
Next{where}:
  mcp-sessiongen generate    compile {schema} into state/
  python -m pytest           try the tool; pip install pytest if it is not there
  python server.py           serve it at http://127.0.0.1:8000/mcp
  python server.py stdio     ... or to the MCP host that starts it
  mcp-sessiongen check       in CI: is state/ up to date?

What it keeps, once it has served somebody:
  mcp-sessiongen sessions list --store sqlite:///sessions.db"""


def _session(context: click.Context, parameter: click.Parameter, value: str) -> str:
    from mcp_sessiongen.names import session_problem

    problem = session_problem(value)
    if problem:
        raise click.BadParameter(f"{problem.message}; {problem.hint}", context, parameter)
    if value in sys.stdlib_module_names or value in dir(builtins) or value in _TAKEN:
        raise click.BadParameter(f"{value!r} has another meaning in the files to be written", context, parameter)
    return value


@click.command(short_help="Begin a project: schema, settings, server, test.")
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--form", "kind", type=click.Choice(["yaml", "pydantic"]), default="yaml", show_default=True)
@click.option("--name", default="memory", show_default=True, callback=_session, help="The name of the session.")
@quiet_option
@format_option
def command(folder: Path, kind: str, name: str, quiet: bool, form: str) -> None:
    """Begin a project in FOLDER, by default the current one.

    Writes a schema, the settings in pyproject.toml, a server with one tool, a test of it and a .gitignore. Never
    overwrites anything: if there is a pyproject.toml or a .gitignore, prints what to add to it.
    """
    from mcp_sessiongen.config import current_folder
    from mcp_sessiongen.new_project import Form, NewProject

    reporter = Reporter(form, quiet)
    with reporter.guarded("nothing was written"):
        chosen: Form = next(known for known in get_args(Form) if known == kind)
        project = NewProject((current_folder() / folder).resolve().name, name, chosen)
        written, kept = _write(folder, project)
    if form == "json":
        reporter.findings(())
    for path in written:
        reporter.tell(f"wrote     {_shown(path)}")
    for name in kept:
        reporter.note(f"\nThere is a {name} already. Add to it:\n\n{project.additions[name]}", err=False)
    where = "" if folder == Path() else f", in {_shown(folder)}"
    reporter.tell(_NEXT.format(schema=project.schema, where=where))


def _write(folder: Path, project: "NewProject") -> tuple[list[Path], list[str]]:
    """Write the files; return them, and the names of those that the user has already and has to add something to."""
    from mcp_sessiongen.diagnostics import Report, Source
    from mcp_sessiongen.write import write_new

    kept = [name for name in project.additions if (folder / name).exists()]
    files = {folder / name: text for name, text in project.files().items() if str(name) not in kept}
    report = Report()
    for path in files:
        if path.exists() or path.is_symlink():
            message, hint = "the file exists, and is not overwritten", "move it away, or begin in another folder"
            report.error(Source(str(path)).span(), "file-exists", message, hint)
    report.raise_if_any()
    write_new(files.items())
    return list(files), kept


def _shown(path: Path) -> str:
    from mcp_sessiongen.diagnostics import printable

    return printable(str(path))
