"""The database: its address, how it is connected to, and the statements that it is sent."""

from typing import Any, Final

import psycopg
from psycopg.adapt import AdaptersMap
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mcp_sessions.errors import StoreError, StoreUrlError
from mcp_sessions.stores import postgres_errors, postgres_schema
from mcp_sessions.stores.postgres_arrays import Bytes, BytesDumper, Floats, FloatsDumper
from mcp_sessions.stores.postgres_calls import Call
from mcp_sessions.stores.postgres_schema import Connection

_DEFAULTS: Final[dict[str, Any]] = {
    "application_name": "mcp_sessions",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""What libpq is told unless the address says otherwise: a peer that is gone without a word is noticed."""

_ENCODE: Final = "percent-encode special characters in it, %40 for an @"


class Database:
    """One schema of a database; nothing is connected to before somebody asks for a connection.

    Args:
        url: A connection URL or string of libpq's.
        schema: The store's schema.
        create: Whether to create it where it is missing.
        patience: Seconds to wait for a connection.

    Raises:
        StoreUrlError: If ``url`` is none.
    """

    def __init__(self, url: str, schema: str, *, create: bool, patience: float) -> None:
        self._schema = schema
        self._create = create
        self._is_prepared = False
        self._statements: dict[str, bytes] = {}
        given = _parsed(url)
        defaults = _DEFAULTS | {"connect_timeout": max(2, round(patience))}
        self._address = make_conninfo(**(defaults | given))
        named = {given.get(name) for name in ("user", "host", "dbname")}
        self._secrets = {str(given[name]) for name in ("password", "sslpassword") if name in given} - named
        self._adapters = AdaptersMap(psycopg.adapters)
        self._adapters.register_dumper(Bytes, BytesDumper)
        self._adapters.register_dumper(Floats, FloatsDumper)

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
                context=_Context(self._adapters),
            )
        except (psycopg.Error, OSError) as error:
            raise postgres_errors.cannot_connect(error, self._secrets) from error
        try:
            if not self._is_prepared:
                await postgres_schema.prepare(connection, self._schema, create=self._create)
                self._is_prepared = True
        except BaseException as error:
            connection.pgconn.finish()
            if isinstance(error, psycopg.Error):
                raise postgres_errors.failed(error, self._secrets) from error
            raise
        return connection

    def statement(self, call: Call) -> bytes:
        """Return the SQL that makes a call."""
        statement = self._statements.get(call.function)
        if statement is None:
            places = ", ".join(f"${number}" for number in range(1, len(call.arguments) + 1))
            name = f"{postgres_schema.quoted(self._schema)}.{call.function}"
            statement = self._statements[call.function] = f"SELECT * FROM {name}({places})".encode()
        return statement

    def explain(self, error: Exception) -> StoreError:
        """Return what to tell of an operation that failed; look at the schema anew if that is what is wrong."""
        if isinstance(error, psycopg.Error) and (error.sqlstate or "")[:2] in ("42", "3F"):
            self._is_prepared = False
        return postgres_errors.failed(error, self._secrets)


class _Context:
    """How a connection is told which adapters it has."""

    def __init__(self, adapters: AdaptersMap) -> None:
        self.adapters = adapters
        self.connection = None


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
