"""The store's schema in the database: how it is created, recognised and brought up to date."""

from functools import cache
from importlib.resources import files
from typing import Any, Final, TypeAlias

import psycopg

from mcp_sessions.errors import StoreUrlError
from mcp_sessions.stores.records import generous
from mcp_sessions.stores.terms import TOMBSTONE_SECONDS

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]

_NEW: Final = ("tables.sql", "rules.sql", "change.sql", "read.sql", "end.sql", "copy.sql", "one.sql")
"""What makes a new schema."""

_UPGRADES: Final = (("format2.sql", "change.sql", "read.sql"),)
"""What makes each format out of the one before; functions that are there are replaced."""

FORMAT: Final = 1 + len(_UPGRADES)
"""The version of the tables and functions; the table "format" says which one there is."""

_DIGITS: Final = 4000
"""Numbers that are longer are left to Python, which knows when they are too long."""

_CREATE: Final = """DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = {schema_text}) THEN
        CREATE SCHEMA {schema};
    END IF;
END $$;
"""
"""Who may create no schemas can still be given one."""


def script(schema: str, after: int = 0) -> str:
    """Return the SQL that creates the store's schema, or upgrades it from the format ``after``."""
    if not after:
        return "\n".join(_filled(text, schema) for text in (_CREATE, *map(_text, _NEW)))
    names = dict.fromkeys(name for step in _UPGRADES[after - 1 :] for name in step)
    version = f"UPDATE {quoted(schema)}.format SET version = {FORMAT};\n"
    return "\n".join([*(_filled(_text(name), schema) for name in names), version])


def quoted(schema: str) -> str:
    """Return a schema's name as SQL takes it."""
    return '"' + schema.replace('"', '""') + '"'


async def prepare(connection: Connection, schema: str, *, create: bool) -> None:
    """Make sure that the schema is there and ours, and that the database does what the functions rely on.

    Raises:
        StoreUrlError: If it is not, and cannot be made so.
        psycopg.Error: If the database fails.
    """
    present = await _format(connection, schema)
    if present != FORMAT:
        if not create:
            message = f"the database has no schema {schema} of this version's format, {FORMAT}"
            raise StoreUrlError(f"{message}: {_hint(present)}")
        await _bring_up_to_date(connection, schema)
    cursor = await connection.execute("SELECT current_setting('default_transaction_isolation')")
    (isolation,) = await cursor.fetchone() or ("",)
    if isolation != "read committed":
        raise StoreUrlError(
            f"the database's default_transaction_isolation is {isolation}, and sessions need read committed: "
            f"set it for the store's user"
        )


async def _bring_up_to_date(connection: Connection, schema: str) -> None:
    try:
        async with connection.transaction():
            # One after the other: of many workers that start at once, one creates the schema.
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", (f"mcp_sessions {schema}",))
            present = await _format(connection, schema)
            if present < FORMAT:
                await connection.execute(script(schema, present).encode())
    except psycopg.errors.InsufficientPrivilege as error:
        present = await _format(connection, schema)
        what = "upgrade" if present else "create"
        raise StoreUrlError(f"the database's user may not {what} the schema {schema}: {_hint(present)}") from error


def _hint(present: int) -> str:
    """Return what to do where a schema of some format, or none, cannot be brought up to date."""
    return f"have somebody who may do so run what PostgresStore.sql({f'after={present}' if present else ''}) returns"


async def _format(connection: Connection, schema: str) -> int:
    """Return the format that there is, 0 for none; others' schemas and later formats are refused."""
    # not by to_regclass: that may answer from what it knew before others created the schema
    cursor = await connection.execute(
        "SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE nspname = $1 AND relname = 'format'",
        (schema,),
    )
    if not await cursor.fetchall():
        return 0
    cursor = await connection.execute(f"SELECT max(version) FROM {quoted(schema)}.format".encode())
    (version,) = await cursor.fetchone() or (None,)
    if not isinstance(version, int) or not 1 <= version <= FORMAT:
        raise StoreUrlError(
            f"the schema {schema} has format {version}, and this version of mcp-sessiongen knows formats up to "
            f"{FORMAT}: use the version that made it, or another schema"
        )
    return version


def _filled(text: str, schema: str) -> str:
    literal = "'" + schema.replace("'", "''") + "'"
    values = {
        "schema_text": literal,
        "schema": quoted(schema),
        "tombstone": f"{TOMBSTONE_SECONDS!r}::double precision",
        "generous": f"{generous(1.0)!r}::double precision",
        "digits": str(_DIGITS),
        "format": str(FORMAT),
    }
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


@cache
def _text(name: str) -> str:
    return (files("mcp_sessions.stores.postgres") / "sql" / name).read_text("utf-8")
