"""`sessions` on the servers that workers share, as a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
from tests.stores.postgres_server import PostgresServer
from tests.stores.valkey_server import ValkeyServer, running

from mcp_sessions import UntypedSession
from mcp_sessions.stores import Store
from mcp_sessions.stores.postgres import PostgresStore
from mcp_sessions.stores.redis import RedisStore


def sessions(folder: Path, url: str, *arguments: str, code: int = 0) -> str:
    line = [sys.executable, "-m", "mcp_sessiongen", "sessions", *arguments, "--store", url]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


async def filled(store: Store) -> list[str]:
    made = [await UntypedSession.create(store, values={"n": number}) for number in range(3)]
    ids = [one.id for one in made]
    await store.aclose()
    return ids


async def go_through(folder: Path, url: str, ids: list[str], server: str) -> None:
    """List, show, move, end: as somebody would who looks after it."""
    listed = json.loads(sessions(folder, url, "list", "--format", "json", "--ids"))
    assert sorted(one["id"] for one in listed) == sorted(ids)
    assert all(abs(one["age"]) < 60 for one in listed)
    assert "n = 1" in sessions(folder, url, "show", ids[1])
    assert sessions(folder, url, "stats").startswith("3 sessions; ")
    found = json.loads(
        sessions(folder, url, "doctor", "--ignore", "persistence", "--ignore", "durability", "--format", "json")
    )
    said = {one["check"]: one for one in found["findings"]}
    assert said["server"]["message"].startswith(server)
    assert said["clock"]["level"] == "ok"
    assert sessions(folder, url, "export", "all.jsonl") == "3 sessions exported to all.jsonl\n"
    assert sessions(folder, url, "end", *ids[:2], "--yes") == "2 sessions ended\n"
    assert sessions(folder, "sqlite:///copy.db", "import", "all.jsonl") == "3 sessions imported\n"
    assert sessions(folder, url, "purge") == "0 expired sessions removed\n"
    assert len(json.loads(sessions(folder, url, "list", "--format", "json"))) == 1


@pytest.fixture
def locked_valkey(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server that asks for a password."""
    with running(tmp_path_factory.mktemp("locked")) as server:
        yield server


async def test_sessions_in_valkey_are_looked_after(valkey: ValkeyServer, tmp_path: Path, redis_options: Any) -> None:
    url = f"{valkey.url}?prefix={redis_options['prefix']}"
    await go_through(tmp_path, url, await filled(RedisStore(url)), "Valkey ")


async def test_sessions_in_a_cluster_are_looked_after(
    cluster: list[ValkeyServer], tmp_path: Path, redis_options: Any
) -> None:
    url = f"{cluster[0].url}?cluster=true&prefix={redis_options['prefix']}"
    await go_through(tmp_path, url, await filled(RedisStore(url)), "Valkey ")


async def test_sessions_in_postgresql_are_looked_after(postgres: PostgresServer, tmp_path: Path) -> None:
    await go_through(tmp_path, postgres.url, await filled(PostgresStore(postgres.url)), "PostgreSQL ")


async def test_a_password_is_not_repeated_where_it_is_wrong(locked_valkey: ValkeyServer, tmp_path: Path) -> None:
    url = locked_valkey.url.replace("redis://", "redis://default:hunter2@")
    line = [sys.executable, "-m", "mcp_sessiongen", "sessions", "list", "--store", url]
    with redis.Redis(port=locked_valkey.port) as client:
        client.config_set("requirepass", "other")
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: the session store at redis://127.0.0.1")
    assert "hunter2" not in done.stdout + done.stderr
