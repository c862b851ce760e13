"""The commands, a module each: arguments in, exit codes and messages out.

At the start they import nothing but click, so that help and completion are quick.
"""

from typing import Final

COMMANDS: Final = (
    "init",
    "generate",
    "check",
    "diff",
    "lint",
    "breaking",
    "migration",
    "migrate",
    "sessions",
    "studio",
    "watch",
    "export",
    "schema",
    "explain",
)
"""The names of all commands, in the order in which the help lists them."""
