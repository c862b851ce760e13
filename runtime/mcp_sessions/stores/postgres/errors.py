"""What PostgreSQL's errors mean, in a line and without a password."""

import re
from collections.abc import Iterable

from mcp_sessions.errors import StoreError


def cannot_connect(error: Exception, secrets: Iterable[str]) -> StoreError:
    """Return the error for a database that cannot be reached, or lets nobody in."""
    return _caused(StoreError(f"cannot connect to the session database: {_line(str(error), secrets)}"), error)


def refused(message: str, secrets: Iterable[str]) -> StoreError:
    """Return the error for an operation that the database refused."""
    return StoreError(f"the session database failed: {_line(message, secrets)}")


def lost(error: Exception, secrets: Iterable[str]) -> StoreError:
    """Return the error for an operation whose connection was lost before there was an answer."""
    failure = StoreError(
        f"the session database went away before it answered; whether this was done is not known: "
        f"{_line(str(error), secrets)}",
        in_doubt=True,
    )
    return _caused(failure, error)


def too_slow(seconds: float) -> StoreError:
    """Return the error for an operation that was begun and not answered in time."""
    return StoreError(
        f"the session database did not answer within {seconds:g} seconds; whether this was done is not known",
        in_doubt=True,
    )


def too_busy(seconds: float) -> StoreError:
    """Return the error for an operation that was not begun in time."""
    return StoreError(f"the session database was busy for {seconds:g} seconds; this was not begun")


def _line(text: str, secrets: Iterable[str]) -> str:
    line = re.sub(r"\s+", " ", text).strip()
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        line = line.replace(secret, "***")
    return line


def _caused(failure: StoreError, error: Exception) -> StoreError:
    failure.__cause__ = error
    return failure
