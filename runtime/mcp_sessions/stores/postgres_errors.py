"""What PostgreSQL's errors mean, in a line and without a password."""

import re
from collections.abc import Iterable

import psycopg

from mcp_sessions.errors import StoreError


def cannot_connect(error: Exception, secrets: Iterable[str]) -> StoreError:
    """Return the error for a database that cannot be reached, or lets nobody in."""
    return _caused(StoreError(f"cannot connect to the session database: {_line(str(error), secrets)}"), error)


def failed(error: Exception, secrets: Iterable[str]) -> StoreError:
    """Return the error for an operation that the database refused or did not live to answer."""
    if isinstance(error, psycopg.Error) and error.sqlstate and not is_lost(error):
        said = error.diag.message_primary or error.sqlstate
        return _caused(StoreError(f"the session database failed: {_line(said, secrets)}"), error)
    return _caused(
        StoreError(
            f"the session database went away before it answered; whether this was done is not known: "
            f"{_line(str(error), secrets)}"
        ),
        error,
    )


def too_slow(seconds: float) -> StoreError:
    """Return the error for an operation that was begun and not answered in time."""
    return StoreError(
        f"the session database did not answer within {seconds:g} seconds; whether this was done is not known"
    )


def too_busy(seconds: float) -> StoreError:
    """Return the error for an operation that was not begun in time."""
    return StoreError(f"the session database was busy for {seconds:g} seconds; this was not begun")


def is_lost(error: Exception) -> bool:
    """Tell whether the connection is of no more use: the server shuts down, or crashed."""
    state = getattr(error, "sqlstate", None)
    return state is None or state[:2] == "08" or state in ("57P01", "57P02", "57P03")


def _line(text: str, secrets: Iterable[str]) -> str:
    line = re.sub(r"\s+", " ", text).strip()
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        line = line.replace(secret, "***")
    return line


def _caused(failure: StoreError, error: Exception) -> StoreError:
    failure.__cause__ = error
    return failure
