"""The database: its address, how it is connected to, and the statements that it is sent."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mcp_sessions.errors import StoreError, StoreUrlError
from mcp_sessions.stores.checkup import Checkup
from mcp_sessions.stores.postgres import checkup, definition, errors
from mcp_sessions.stores.postgres.definition import Connection
from mcp_sessions.stores.postgres.names import Call
from mcp_sessions.stores.postgres.values import SIGNATURES
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

_Form: TypeAlias = tuple[bytes, bytes, list[int], list[int]]
"""What all statements of a kind have in common: text and name, types of the arguments and how they are sent."""

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
        self._forms: dict[tuple[str, int, bool], _Form] = {}
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

    async def inspect(self) -> Checkup:
        """Return how the server is doing.

        Raises:
            StoreError: If it cannot be told.
        """
        connection = await self.connect()
        try:
            return await checkup.inspect(connection, self._schema)
        except psycopg.Error as error:
            raise errors.refused(error.diag.message_primary or str(error), self._secrets) from error
        finally:
            connection.pgconn.finish()

    def encoded(self, call: Call) -> list[bytes | None]:
        """Return the arguments of a call as the server takes them.

        Raises:
            StoreError: If there is a number among them that is too large.
        """
        return SIGNATURES[call.function].encoded(call.arguments)

    def statement(self, function: str, arguments: Sequence[bytes | None]) -> Statement:
        """Return the statement that calls a function with its first arguments; the rest of them are NULL."""
        return self._statement(function, arguments, is_joined=False)

    def joined(self, function: str, rows: Sequence[Sequence[bytes | None]]) -> Statement:
        """Return the statement that calls a function for each of many rows of its first arguments, in their order."""
        return self._statement(function, SIGNATURES[function].in_columns(rows), is_joined=True)

    def _statement(self, function: str, arguments: Sequence[bytes | None], *, is_joined: bool) -> Statement:
        count = len(arguments)
        form = self._forms.get((function, count, is_joined))
        if form is None:
            form = self._forms[function, count, is_joined] = self._form(function, count, is_joined=is_joined)
        text, name, types, formats = form
        return Statement(text, name if self._prepare else b"", types, formats, arguments)

    def _form(self, function: str, count: int, *, is_joined: bool) -> _Form:
        signature = SIGNATURES[function]
        if is_joined:
            signature = signature.of_arrays()
        text = (_calls if is_joined else _call)(
            f"{definition.quoted(self._schema)}.{function}", count, len(signature.types) - count
        )
        # the name says what is kept, for others may have been here before, through a pooler
        name = b"mcp_sessions." + hashlib.sha256(text).hexdigest()[:32].encode()
        return text, name, signature.types[:count], signature.formats[:count]

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


def _call(function: str, count: int, rest: int) -> bytes:
    """Return the SQL that calls a function with so many arguments, and NULL for the rest."""
    return f"SELECT * FROM {function}({_numbered('$', count, rest)})".encode()


def _calls(function: str, count: int, rest: int) -> bytes:
    """Return the SQL that does so for each row of as many arrays."""
    rows = f"unnest({_numbered('$', count)}) AS r({_numbered('c', count)})"
    answers = f"SELECT {function}({_numbered('c', count, rest)}) AS a FROM {rows} OFFSET 0"  # 0: each is called once
    return f"SELECT (a).* FROM ({answers}) AS s".encode()


def _numbered(name: str, count: int, rest: int = 0) -> str:
    return ", ".join([f"{name}{number}" for number in range(1, count + 1)] + ["NULL"] * rest)
