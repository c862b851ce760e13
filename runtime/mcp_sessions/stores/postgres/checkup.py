"""How a PostgreSQL server is doing, for sessions."""

from collections.abc import Iterator
from typing import Any, Final

from mcp_sessions.stores.checkup import Checkup, Remark
from mcp_sessions.stores.postgres.definition import FORMAT, Connection, quoted

_OLDEST: Final = 140000
_FULL: Final = 0.8

_QUESTION: Final = """SELECT
    current_setting('server_version'), current_setting('server_version_num')::integer,
    extract(epoch FROM clock_timestamp())::double precision, pg_is_in_recovery(),
    current_setting('fsync'), current_setting('synchronous_commit'),
    current_setting('autovacuum'), current_setting('max_connections')::integer,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    (SELECT max(version) FROM {schema}.format)"""


async def inspect(connection: Connection, schema: str) -> Checkup:
    """Look at the server that a connection leads to.

    Raises:
        psycopg.Error: If it fails.
    """
    cursor = await connection.execute(_QUESTION.format(schema=quoted(schema)).encode())
    version, number, clock, is_standby, *rest = await cursor.fetchone() or ()
    return Checkup(f"PostgreSQL {version}", clock, tuple(_remarks(number, is_standby, *rest)))


def _remarks(number: int, is_standby: bool, *rest: Any) -> Iterator[Remark]:
    fsync, commit, autovacuum, most, connections, form = rest
    yield Remark("format", "ok", f"the schema is of format {form} (of {FORMAT})")
    if number < _OLDEST:
        yield Remark("version", "warning", "it is a version that is not maintained any more", "upgrade it")
    if is_standby:
        yield Remark("role", "error", "it is a standby, which cannot be written to", "name the primary server")
    if fsync == "off":
        advice = "set fsync = on, unless what is lost does not matter"
        yield Remark("durability", "error", "fsync is off: a crash may destroy the database", advice)
    elif commit == "off":
        advice = "set synchronous_commit = on for the store's user, unless that is meant"
        yield Remark("durability", "warning", "synchronous_commit is off: a crash loses the last writes", advice)
    else:
        yield Remark("durability", "ok", "what is acknowledged survives a crash")
    if autovacuum == "off":
        advice = "set autovacuum = on: sessions are updated often, and tables would only grow"
        yield Remark("autovacuum", "warning", "autovacuum is off", advice)
    if connections > _FULL * most:
        advice = "put a pooler in front of it, or raise max_connections"
        yield Remark("connections", "warning", f"{connections} of {most} connections are in use", advice)
    else:
        yield Remark("connections", "ok", f"{connections} of {most} connections are in use")
