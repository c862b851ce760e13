"""The templates: they place text, and print nothing that was not vetted as `Code`."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template, Undefined

from mcp_sessiongen.python_text import Code


class Unvetted(TypeError):
    """A template tried to print text that did not come from `python_text`."""


@cache
def template(name: str) -> Template:
    """Return a template."""
    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # it is Python, not HTML: `finalize` is what keeps text from becoming code
        finalize=only_code,
    )
    path = Path(__file__).parent / "templates" / name
    return environment.from_string(path.read_text(encoding="utf-8"))


def only_code(value: object) -> object:
    """Return what a template prints.

    Raises:
        Unvetted: If it is a text from anywhere else.
    """
    if isinstance(value, Undefined | Code) or type(value) is int:
        return value
    raise Unvetted(f"the template printed a bare {type(value).__name__}: {value!r}")
