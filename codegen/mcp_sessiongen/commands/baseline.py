"""What was released: how `breaking` and `migration` find it, and what they compare with it."""

from pathlib import Path
from typing import TYPE_CHECKING

from mcp_sessiongen.commands.shared import find_sources

if TYPE_CHECKING:
    from mcp_sessiongen.breaking.released import Wanted
    from mcp_sessiongen.config import BreakingSettings


def settled(command: str, sources: tuple[str, ...]) -> "tuple[Wanted, BreakingSettings]":
    """Return what is to be compared, and the settings.

    Raises:
        SchemaErrors: If the settings are wrong.
        click.UsageError: If there is nothing to compare.
    """
    from mcp_sessiongen.breaking.released import Wanted
    from mcp_sessiongen.config import FILE, BreakingSettings, current_folder, find_config

    config, here = find_config(), current_folder()
    jobs = find_sources(command, sources, config)
    named = tuple(dict.fromkeys(source for arguments in jobs for source in arguments))
    beside = next((folder for folder in (here, *here.parents) if (folder / FILE).is_file()), here)
    project = config.path.parent if config else beside
    return Wanted(named, project, is_whole=not sources), config.breaking if config else BreakingSettings()


def snapshot_of(wanted: "Wanted") -> str:
    """Return the path of the snapshot that counts without any settings.

    Raises:
        SchemaErrors: If there is none.
    """
    from mcp_sessiongen.breaking.snapshot import NAME, WRITE
    from mcp_sessiongen.breaking.sources import relative
    from mcp_sessiongen.diagnostics import Source, fatal

    path = relative(wanted.project / NAME, Path.cwd())
    if Path(path).exists():
        return path
    message = "nothing says what was released, and there is no snapshot"
    hint = f"make one from the schemas as they were released, and commit it: {WRITE}; or say  --against git:main"
    raise fatal(Source(path).nowhere(), "no-baseline", message, hint)
