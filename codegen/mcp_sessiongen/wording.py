"""How options are written in the form that a schema has: what hints tell people to write."""

from collections.abc import Iterable
from typing import Final

from mcp_sessiongen.diagnostics import Source

_YAML: Final = (".yaml", ".yml")


class Wording:
    """Options as one form of schemas writes them.

    Args:
        source: The schema. What is no YAML file, and has no name at all, is taken for Python.
    """

    def __init__(self, source: Source) -> None:
        self._is_yaml = source.path.lower().endswith(_YAML)

    def option(self, name: str, value: object) -> str:
        """Return an option of a session: `version: 2`, or `version=2`."""
        return f"{name}: {value}" if self._is_yaml else f"{name}={_python(value)}"

    def reserved(self, names: Iterable[str]) -> str:
        """Return the option that keeps names from being used again."""
        listed = tuple(names)
        return f"reserved: [{', '.join(listed)}]" if self._is_yaml else f"reserved={_python(listed)}"

    def tool(self, verb: str, name: str) -> str:
        """Return the option that gives a tool its name."""
        return f"tools: {{{verb}: {name}}}" if self._is_yaml else f"{verb}_tool={_python(name)}"

    def key(self, name: str, value: object) -> str:
        """Return an option of a key: `create: optional`, or `Key(create="optional")`."""
        if self._is_yaml:
            return f"{name}: {str(value).lower() if isinstance(value, bool) else value}"
        return f"Key({name}={_python(value)})"


def _python(value: object) -> str:
    if isinstance(value, tuple):
        listed = ", ".join(map(_python, value))
        return f"({listed},)" if len(value) == 1 else f"({listed})"
    return f'"{value}"' if isinstance(value, str) else repr(value)
