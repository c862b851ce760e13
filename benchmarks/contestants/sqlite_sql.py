"""The least that is correct in SQLite: a session's row with owner and expiry, and a row per value.

The lifetime slides as it does in the accessor's stores: an expiry is written when it has to move by a sixtieth of half
an hour, so reads seldom write.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

OWNER = "0123456789abcdef" * 4
IDLE = 1800.0
SLACK = IDLE / 60

TABLES = (
    "CREATE TABLE sessions (id TEXT PRIMARY KEY, owner TEXT, expires REAL) WITHOUT ROWID",
    "CREATE TABLE entries (id TEXT, key TEXT, value BLOB, PRIMARY KEY (id, key)) WITHOUT ROWID",
)
BEGIN = "INSERT INTO sessions VALUES (?, ?, ?)"
PUT = "INSERT INTO entries VALUES (?, ?, ?)"
READ = (
    "SELECT s.expires, e.value FROM sessions AS s LEFT JOIN entries AS e ON e.id = s.id AND e.key = ? "
    "WHERE s.id = ? AND s.owner = ? AND s.expires > ?"
)
SLIDE = "UPDATE sessions SET expires = ? WHERE id = ?"
WRITE = (
    "INSERT INTO entries SELECT s.id, ?, ? FROM sessions AS s WHERE s.id = ? AND s.owner = ? AND s.expires > ? "
    "ON CONFLICT (id, key) DO UPDATE SET value = excluded.value"
)


def rows(names: list[str], other: Mapping[str, Any], now: float) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield the statements that begin sessions."""
    for name in names:
        yield BEGIN, (name, OWNER, now + IDLE)
        for key, value in {"n": 0, **other}.items():
            yield PUT, (name, key, json.dumps(value).encode())
