"""The least that is correct in PostgreSQL: one statement that checks owner and expiry, and works.

A session is a row with owner and expiry; values are rows of another table. As in the accessor's store, an expiry is
written only when it has to move by a sixtieth of half an hour. A read tells whether it has to, and only then it is
followed by ``SLIDE``; a write does that in its own statement. ``%s`` as psycopg has it.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

OWNER = "0123456789abcdef" * 4

TABLES = (
    "CREATE TABLE IF NOT EXISTS bench_sessions (id text PRIMARY KEY, owner text, expires timestamptz)",
    "CREATE TABLE IF NOT EXISTS bench_values (id text, key text, value text, PRIMARY KEY (id, key))",
)
BEGIN = "INSERT INTO bench_sessions VALUES (%s, %s, now() + interval '30 minutes')"
PUT = "INSERT INTO bench_values VALUES (%s, %s, %s)"

_FOUND = """WITH found AS (
  SELECT id, expires FROM bench_sessions WHERE id = %s AND owner = %s AND expires > now()
), slid AS (
  UPDATE bench_sessions AS s SET expires = now() + interval '30 minutes' FROM found
  WHERE s.id = found.id AND found.expires < now() + interval '29.5 minutes'
) """
GET = (
    "SELECT v.value, s.expires < now() + interval '29.5 minutes' FROM bench_sessions AS s "
    "LEFT JOIN bench_values AS v ON v.id = s.id AND v.key = %s WHERE s.id = %s AND s.owner = %s AND s.expires > now()"
)
SLIDE = "UPDATE bench_sessions SET expires = now() + interval '30 minutes' WHERE id = %s RETURNING id"
SET = _FOUND + (
    "INSERT INTO bench_values SELECT id, %s, %s FROM found "
    "ON CONFLICT (id, key) DO UPDATE SET value = excluded.value RETURNING value"
)
INCREMENT = _FOUND + (
    "INSERT INTO bench_values AS v SELECT id, %s, %s FROM found "
    "ON CONFLICT (id, key) DO UPDATE SET value = (v.value::bigint + excluded.value::bigint)::text RETURNING value"
)


def rows(names: list[str], other: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the statements that begin sessions."""
    for name in names:
        yield BEGIN, (name, OWNER)
        for key, value in {"n": 0, **other}.items():
            yield PUT, (name, key, json.dumps(value))
