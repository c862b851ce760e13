"""The database: its address, how it is connected to, and the statements that it is sent."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mcp_sessions.errors import StoreError, StoreUrlError
from mcp_sessions.stores.postgres import definition, errors
from mcp_sessions.stores.postgres.calls import Call
from mcp_sessions.stores.postgres.definition import Connection
from mcp_sessions.stores.postgres.values import SIGNATURES, Signature, in_columns
from mcp_sessions.stores.postgres.wire import Refusal, Statement

_DEFAULTS: Final[dict[str, Any]] = {
    "application_name": "mcp_sessions",
    "client_encoding": "utf8",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""What libpq is told unless the address says otherwise: a peer that is gone without a word is noticed."""

_STALE: Final = ("0A", "25", "26", "3F", "42")
"""Classes of SQLSTATE after which a connection is made anew, and the schema looked at: it has changed, or the server is
not one any more that can be written to."""

_FORGOTTEN: Final = ("26000", "42P05")
"""The SQLSTATE of a prepared statement that is not there, and of one that is there already."""

_ENCODE: Final = "percent-encode special characters in it, %40 for an @"


class Database:
    """One schema of a database; nothing is connected to before somebody asks for a connection.

    Attributes:
        is_prepared: Whether the schema is known to be there.

    Args:
        url: A connection URL or string of libpq's.
        schema: The store's schema.
        create: Whether to create it where it is missing.
        prepare: Whether connections keep statements prepared.
        patience: Seconds to wait for a connection.

    Raises:
        StoreUrlError: If ``url`` is none.
    """

    def __init__(self, url: str, schema: str, *, create: bool, prepare: bool, patience: float) -> None:
        self._schema = schema
        self._create = create
        self._prepare = prepare
        self.is_prepared = False
        self._texts: dict[tuple[str, int | None], tuple[bytes, bytes]] = {}
        given = _parsed(url)
        defaults = _DEFAULTS | {"connect_timeout": max(2, round(patience))}
        self._address = make_conninfo(**(defaults | given))
        named = {given.get(name) for name in ("user", "host", "dbname")}
        self._secrets = {str(given[name]) for name in ("password", "sslpassword") if name in given} - named

    async def connect(self) -> Connection:
        """Return a new connection, after making sure that the schema is there.

        Raises:
            StoreError: If there is no way.
        """
        try:
            connection: Connection = await psycopg.AsyncConnection.connect(
                self._address,
                autocommit=True,
                prepare_threshold=None,
                cursor_factory=psycopg.AsyncRawCursor,
            )
        except (psycopg.Error, OSError, ValueError) as error:
            raise errors.cannot_connect(error, self._secrets) from error
        try:
            if not self.is_prepared:
                await definition.prepare(connection, self._schema, create=self._create)
                self.is_prepared = True
        except BaseException as error:
            connection.pgconn.finish()
            if isinstance(error, psycopg.Error):
                raise errors.refused(error.diag.message_primary or str(error), self._secrets) from error
            raise
        return connection

    def encoded(self, call: Call) -> list[bytes | None]:
        """Return the arguments of a call as the server takes them.

        Raises:
            StoreError: If there is a number among them that is too large.
        """
        return SIGNATURES[call.function].encoded(call.arguments)

    def statement(self, function: str, arguments: Sequence[bytes | None]) -> Statement:
        """Return the statement that calls a function with arguments as the server takes them."""
        return self._statement(function, SIGNATURES[function], arguments)

    def joined(self, function: str, rows: Sequence[Sequence[bytes | None]]) -> Statement:
        """Return the statement that calls a function for each of many rows of its first arguments, in their order."""
        signature = SIGNATURES[function]
        arrays, columns = in_columns(signature, rows)
        return self._statement(function, arrays, columns, rest=len(signature.types) - len(columns))

    def _statement(
        self, function: str, signature: Signature, arguments: Sequence[bytes | None], rest: int | None = None
    ) -> Statement:
        known = self._texts.get((function, rest))
        if known is None:
            name = f"{definition.quoted(self._schema)}.{function}"
            count = len(signature.types)
            text = _call(name, count) if rest is None else _calls(name, count, rest)
            # the name says what is kept, for others may have been here before, through a pooler
            known = text, b"mcp_sessions." + hashlib.sha256(text).hexdigest()[:32].encode()
            self._texts[function, rest] = known
        text, kept_as = known
        return Statement(text, kept_as if self._prepare else b"", signature, arguments)

    def refused(self, refusal: Refusal) -> StoreError:
        """Return what to tell of an operation that the server refused."""
        if refusal.state[:2] in _STALE:
            self.is_prepared = False
        return errors.refused(refusal.message, self._secrets)

    def forgets(self, statement: Statement, refusal: Refusal) -> bool:
        """Tell whether a statement was not performed because the server does not keep what we have prepared.

        So it is behind a pooler that gives out connections by transaction. From now on, nothing is prepared.
        """
        if refusal.state not in _FORGOTTEN or not statement.name:
            return False
        self._prepare = False
        return True

    def lost(self, error: Exception) -> StoreError:
        """Return what to tell of an operation whose connection was lost."""
        return errors.lost(error, self._secrets)


def _parsed(url: str) -> dict[str, Any]:
    """Return the parts of an address; what libpq would take for another one than was meant is refused."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:
        raise StoreUrlError(f"that is no PostgreSQL URL; if there is a password in it, {_ENCODE}") from None
    port = str(given.get("port", ""))
    if "@" in str(given.get("host", "")) + str(given.get("dbname", "")) or port.strip(",0123456789"):
        raise StoreUrlError(f"that PostgreSQL URL is ambiguous: if there is a password in it, {_ENCODE}")
    return given


def _call(function: str, count: int) -> bytes:
    """Return the SQL that calls a function."""
    return f"SELECT * FROM {function}({_numbered('$', count)})".encode()


def _calls(function: str, count: int, rest: int) -> bytes:
    """Return the SQL that calls a function for each row of as many arrays; the rest of what it takes is NULL."""
    columns = _numbered("c", count)
    rows = f"unnest({_numbered('$', count)}) AS r({columns})"
    return f"SELECT a.* FROM {rows}, LATERAL {function}({columns}{', NULL' * rest}) AS a".encode()


def _numbered(name: str, count: int) -> str:
    return ", ".join(f"{name}{number}" for number in range(1, count + 1))
