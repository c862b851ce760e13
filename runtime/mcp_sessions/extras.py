"""What is said where the packages of an extra are not installed."""

from collections.abc import Iterator
from contextlib import contextmanager


def needs(what: str, extra: str) -> str:
    """Return the sentence that names what to run, for an installed distribution."""
    return f"{what} need more packages: pip install 'mcp-sessiongen[{extra}]'"


@contextmanager
def needing(what: str, extra: str) -> Iterator[None]:
    """Import in this block what an extra brings.

    Raises:
        ImportError: If a package is not there, or not whole; it says what to run. What is wrong with a module of ours
            is told as it is.
    """
    try:
        yield
    except ImportError as error:
        if (error.name or "").startswith("mcp_sessions"):
            raise
        raise ImportError(needs(what, extra), name=error.name) from error
