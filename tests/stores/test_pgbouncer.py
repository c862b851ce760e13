"""Behind a real PgBouncer that pools by transaction: connections are nobody's for longer than an operation."""

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from tests.stores.postgres_server import PostgresServer
from tests.stores.valkey_server import free_port

from mcp_sessions.errors import StoreError
from mcp_sessions.stores import Access, Address, Lifetime
from mcp_sessions.stores.postgres import PostgresStore, notices

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
ACCESS = Access(Address("handle", "1", "cart"), "me")

pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="NOT TESTED: there is no pgbouncer on this machine (Debian's package has that name)"
)


@pytest.fixture
def bouncer(postgres: PostgresServer) -> Iterator[str]:
    """The address of a PgBouncer with two connections to the server."""
    port = free_port()
    folder = Path(tempfile.mkdtemp(dir=postgres.socket.parent.parent))  # which others than root may read
    folder.chmod(0o755)
    settings = folder / "pgbouncer.ini"
    users = folder / "users.txt"
    users.write_text('"postgres" ""\n')
    settings.write_text(
        f"[databases]\n* = host={postgres.socket.parent} dbname=postgres user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\n"
        f"auth_file = {users}\npool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 100\n"
    )
    assert PROGRAM is not None
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([PROGRAM, settings], stdout=output, stderr=output, **postgres.user)
    try:
        until = time.monotonic() + 20.0
        while "process up" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        process.kill()
        process.wait()


async def test_many_connections_share_a_few_and_nothing_is_lost(bouncer: str) -> None:
    stores = [PostgresStore(bouncer, connections=8) for _ in range(3)]
    await stores[0].create(ACCESS, Lifetime(600.0))

    async def caller(store: PostgresStore) -> None:
        for n in range(25):
            await store.increment(ACCESS, "n", 1, b"0")
            await store.increment(ACCESS, "x", 0.5, b"0")
            await store.write(ACCESS, {"last": str(n).encode()})
            assert "last" in await store.read(ACCESS)

    await asyncio.gather(*(caller(store) for store in stores for _ in range(8)))
    assert await stores[1].read(ACCESS, ["n", "x"]) == {"n": b"600", "x": b"300.0"}
    assert [gone.values["n"] for gone in await stores[2].end(ACCESS, values=True)] == [b"600"]
    for store in stores:
        await store.aclose()


async def test_the_schema_is_created_through_it(bouncer: str, postgres: PostgresServer) -> None:
    postgres.run("DROP SCHEMA IF EXISTS bounced CASCADE")
    stores = [PostgresStore(bouncer, schema="bounced") for _ in range(4)]
    results = await asyncio.gather(*(store.create(ACCESS, Lifetime(600.0)) for store in stores), return_exceptions=True)
    assert sum(not isinstance(result, Exception) for result in results) == 1
    assert postgres.run("SELECT count(*) FROM bounced.sessions") == [(1,)]
    for store in stores:
        await store.aclose()
    postgres.run("DROP SCHEMA bounced CASCADE")


async def test_it_passes_on_no_notices_and_that_is_said(bouncer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client's LISTEN is that of a connection which is somebody else's by then."""
    monkeypatch.setattr(notices, "_PROBE_SECONDS", 1.0)
    store = PostgresStore(bouncer)
    channel = store.notices()
    async with aclosing(channel.listen()) as heard:
        with pytest.raises(StoreError, match="which a pooler that gives them out by transaction has not"):
            await anext(heard)
    await channel.aclose()
    await store.aclose()
