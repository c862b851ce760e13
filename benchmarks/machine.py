"""The machine and the versions of a run, in words; nothing that names the machine."""

import platform
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from environments import missing, peers, versions
from measure import machine
from places import Servers

OURS: Final = ("pydantic", "redis", "hiredis", "psycopg", "mcp", "uvicorn", "starlette", "opentelemetry-sdk")
PEERS: Final = (
    *("fastmcp", "py-key-value-aio", "starsessions", "mcpstate", "aiosqlite", "asyncpg", "psycopg-pool"),
    *("valkey-glide", "datamodel-code-generator", "mcp", "uvicorn", "starlette", "uvloop"),
)


def described(servers: Servers, *, with_peers: bool) -> list[str]:
    """Return a few lines about where and with what was measured: servers that have started, and packages."""
    lines = [f"{machine()}, {platform.machine()}, {_memory()}."]
    told = [f"SQLite {sqlite3.sqlite_version}"]
    with suppress(Exception):  # what interrupts us may have ended them, too
        if "valkey" in vars(servers):
            with servers.valkey.client() as client:
                told.append(f"Valkey {client.info('server')['valkey_version']} without persistence")
        if "postgres" in vars(servers):
            told.append(f"PostgreSQL {servers.postgres.run('SHOW server_version')[0][0].split()[0]} without fsync")
    lines.append(f"On the same machine: {', '.join(told)}. Packages: {_told(Path(sys.executable), OURS)}.")
    if with_peers:
        python = peers()
        lines.append(f"Peers: {_told(python, PEERS)}." if python else "The peers could not be installed.")
        if python and (lacking := missing()):
            lines.append(f"Could not be installed: {', '.join(lacking)}.")
    return lines


def _told(python: Path, names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions(python, *names).items())


def _memory() -> str:
    """Return how much memory there is, where the system tells it."""
    try:
        kib = int(Path("/proc/meminfo").read_text().split()[1])
    except OSError:
        return "memory unknown"
    return f"{kib / (1 << 20):.0f} GiB"
