"""Servers that are not there, slow, killed or cut off; several processes; TLS."""

import asyncio
import contextlib
import datetime
import gc
import ssl
import subprocess
import sys
import textwrap
import time
import weakref
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.stores.valkey_server import ValkeyServer, cluster_running, free_port, running

from mcp_sessions import StoreError, UntypedSession, open_store
from mcp_sessions.context import Call, Caller, serving
from mcp_sessions.stores import Access, Address, Lifetime
from mcp_sessions.stores.redis import RedisStore

LIVES = Lifetime(600.0)
ACCESS = Access(Address("handle", "1", "cart"), "me")


def line_of(error: StoreError) -> str:
    text = str(error)
    assert "\n" not in text
    assert "hunter2" not in text
    return text


async def refusal(url: str, **options: object) -> str:
    store = open_store(url, **options)
    with pytest.raises(StoreError) as raised:
        await store.read(ACCESS)
    await store.aclose()
    return line_of(raised.value)


async def test_a_server_that_is_not_there_is_said_in_a_line() -> None:
    port = free_port()
    text = await refusal(f"redis://me:hunter2@127.0.0.1:{port}/0")
    assert text.startswith(f"the session store at redis://127.0.0.1:{port} failed: Error 111 connecting to ")
    assert "failed: " in await refusal(f"redis://:hunter2@127.0.0.1:{port}?cluster=true")
    assert "unix:///no/such.sock failed: " in await refusal("unix:///no/such.sock?password=hunter2")
    assert "no-such-host.invalid failed: " in await refusal("valkey://no-such-host.invalid")


async def test_a_wrong_password_is_said_in_a_line(tmp_path: Path) -> None:
    with running(tmp_path, "--requirepass", "right") as server:
        address = f"127.0.0.1:{server.port}"
        assert "invalid username-password pair" in await refusal(f"redis://:hunter2@{address}")
        assert "Authentication required" in await refusal(server.url)
        store = open_store(f"redis://:right@{address}")
        await store.create(ACCESS, LIVES)
        await store.aclose()


async def test_a_key_that_is_not_ours_is_an_error_and_stays(valkey: ValkeyServer) -> None:
    store = RedisStore(valkey.url, prefix="foreign")
    with valkey.client() as client:
        client.set("foreign:{0.1}:h4:1:cart1", "theirs")
        with pytest.raises(StoreError, match="WRONGTYPE"):
            await store.read(ACCESS)
        assert client.get("foreign:{0.1}:h4:1:cart1") == b"theirs"
    await store.aclose()


async def test_options_go_over_what_the_url_says() -> None:
    assert "Error 111" in await refusal(f"redis://127.0.0.1:{free_port()}?db=x", db=0)


async def test_a_slow_server_is_an_error_in_time_and_harms_nothing_afterwards(valkey: ValkeyServer) -> None:
    store = RedisStore(valkey.url, prefix="slow", socket_timeout=0.2)
    await store.create(ACCESS, LIVES)
    with valkey.client() as client:
        client.execute_command("CLIENT", "PAUSE", 600, "ALL")
    with pytest.raises(StoreError, match="whether the operation was done is not known") as raised:
        async with asyncio.timeout(5.0):
            await store.write(ACCESS, {"a": b"1"})
    assert raised.value.in_doubt
    await asyncio.sleep(0.6)
    await store.write(ACCESS, {"a": b"2"})
    assert await store.read(ACCESS) == {"a": b"2"}
    await store.aclose()


@contextlib.asynccontextmanager
async def between(server: ValkeyServer, security: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, list[int]]]:
    """Stand between client and server, on a port; after ``allowed[0]`` more bytes of answers, it is cut."""
    allowed = [10**9]
    tasks: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if answers:
                    data = data[: allowed[0]]
                    allowed[0] -= len(data)
                writer.write(data)
                await writer.drain()
                if allowed[0] <= 0:
                    break
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", server.port)
        for coroutine in (pass_on(reader, back, answers=False), pass_on(there, writer, answers=True)):
            tasks.add(asyncio.ensure_future(coroutine))

    proxy = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=security)
    async with proxy:
        yield proxy.sockets[0].getsockname()[1], allowed
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("after", [1, 30, 200])
async def test_an_answer_that_is_cut_off_is_an_error_and_nothing_is_done_twice(
    valkey: ValkeyServer, after: int
) -> None:
    direct = RedisStore(valkey.url, prefix=f"cut{after}")
    await direct.create(ACCESS, LIVES)
    async with between(valkey) as (port, allowed):
        store = RedisStore(f"redis://127.0.0.1:{port}", prefix=f"cut{after}")
        await store.increment(ACCESS, "n", 1, b"0")
        allowed[0] = after
        calls = (store.increment(ACCESS, "n", 1, b"0") for _ in range(50))
        results = await asyncio.gather(*calls, return_exceptions=True)
        answered = [int(result) for result in results if isinstance(result, bytes)]
        failed = [result for result in results if isinstance(result, StoreError)]
        assert len(answered) + len(failed) == 50
        doubted = sum("is not known" in line_of(error) for error in failed)
        assert failed
        assert doubted
        total = int((await direct.read(ACCESS))["n"])
        assert max(answered, default=1) <= total <= 1 + len(answered) + doubted
        allowed[0] = 10**9
        assert await store.increment(ACCESS, "n", 0, b"0") == str(total).encode()
        await store.aclose()
    await direct.end(ACCESS)
    await direct.aclose()


async def test_a_server_that_is_killed_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    with running(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as server:
        store = RedisStore(server.url)
        await store.create(ACCESS, LIVES)
        acknowledged, unknown, errors = 0, 0, []
        stop = asyncio.Event()

        async def caller() -> None:
            nonlocal acknowledged, unknown
            while not stop.is_set():
                try:
                    await store.increment(ACCESS, "n", 1, b"0")
                    acknowledged += 1
                except StoreError as error:
                    errors.append(line_of(error))
                    unknown += "is not known" in str(error)
                    await asyncio.sleep(0.01)

        callers = [asyncio.ensure_future(caller()) for _ in range(8)]
        for _ in range(2):
            await asyncio.sleep(0.2)
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(0.1)
            await asyncio.to_thread(server.start)
            before = acknowledged
            async with asyncio.timeout(10.0):
                while acknowledged < before + 20:
                    await asyncio.sleep(0.01)
        stop.set()
        await asyncio.gather(*callers)
        total = int((await store.read(ACCESS))["n"])
        assert acknowledged <= total <= acknowledged + unknown
        await store.aclose()


async def test_a_node_of_a_cluster_that_is_restarted_serves_again(tmp_path: Path) -> None:
    with cluster_running(tmp_path) as nodes:
        store = open_store(nodes[0].url, cluster=True)
        accesses = [replace(ACCESS, address=replace(ACCESS.address, id=str(number))) for number in range(20)]
        for access in accesses:
            await store.create(access, LIVES)
        await asyncio.to_thread(nodes[1].kill)
        calls = [store.increment(access, "n", 1, b"0") for access in accesses]
        results = await asyncio.gather(*calls, return_exceptions=True)
        failed = [result for result in results if result != b"1"]
        assert 0 < len(failed) < 20
        assert all(isinstance(error, StoreError) and line_of(error) for error in failed)
        await asyncio.to_thread(nodes[1].start)
        async with asyncio.timeout(20.0):
            for access in accesses:
                while True:
                    try:
                        await store.write(replace(access, begin=LIVES), {"a": b"1"})
                        break
                    except StoreError:
                        await asyncio.sleep(0.1)
        await store.aclose()


async def test_a_server_that_was_restarted_without_data_has_no_sessions_and_takes_new_ones(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        store = RedisStore(server.url)
        await store.create(ACCESS, LIVES, {"a": b"1"})
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await store.create(ACCESS, LIVES)
        assert await store.read(ACCESS) == {}
        await store.aclose()


async def test_no_increment_is_lost_between_processes(valkey: ValkeyServer) -> None:
    store = RedisStore(valkey.url, prefix="processes")
    await store.create(ACCESS, LIVES)
    script = """
        import asyncio, sys
        from mcp_sessions.stores import Access, Address
        from mcp_sessions.stores.redis import RedisStore
        access = Access(Address("handle", "1", "cart"), "me")

        async def main():
            store = RedisStore(sys.argv[1], prefix="processes")
            async def caller():
                for _ in range(25):
                    await store.increment(access, "n", 1, b"0")
                    await store.increment(access, "large", 2**60, b"0")
                    await store.append(access, "l", [b"1"], b"[]")
            await asyncio.gather(*(caller() for _ in range(4)))
            await store.aclose()
        asyncio.run(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(script), valkey.url]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        _, errors = await asyncio.to_thread(process.communicate, None, 60.0)
        assert (process.returncode, errors) == (0, "")
    held = await store.read(ACCESS)
    assert held == {"n": b"300", "large": str(300 * 2**60).encode(), "l": b"[" + b",".join([b"1"] * 300) + b"]"}
    await store.end(ACCESS)
    await store.aclose()


async def test_a_killed_process_leaves_every_acknowledged_write_and_no_half_one(valkey: ValkeyServer) -> None:
    store = RedisStore(valkey.url, prefix="killed")
    await store.create(ACCESS, LIVES)
    script = """
        import asyncio, sys
        from mcp_sessions.stores import Access, Address
        from mcp_sessions.stores.redis import RedisStore
        access = Access(Address("handle", "1", "cart"), "me")

        async def main():
            store = RedisStore(sys.argv[1], prefix="killed")
            async def caller(name):
                n = 0
                while True:
                    n += 1
                    pair = str(n).encode()
                    await store.write(access, {f"{name} a": pair, f"{name} b": pair, f"{name} c": bytes(50_000)})
                    print(name, n, flush=True)
            await asyncio.gather(*(caller(name) for name in range(5)))
        asyncio.run(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(script), valkey.url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(60)]
    process.kill()
    rest, _ = process.communicate(timeout=60)
    told = [line.split() for line in "".join([*lines, rest]).splitlines(keepends=True) if line.endswith("\n")]
    acknowledged = {name: int(n) for name, n in told}
    values = await store.read(ACCESS)
    assert len(acknowledged) == 5
    for name, count in acknowledged.items():
        assert values[f"{name} a"] == values[f"{name} b"]
        assert int(values[f"{name} a"]) >= count
    await store.end(ACCESS)
    await store.aclose()


async def test_a_server_that_is_full_changes_nothing_and_serves_again(tmp_path: Path) -> None:
    with running(tmp_path) as server, server.client() as client:
        store = RedisStore(server.url)
        await store.create(ACCESS, LIVES, {"a": b"1", "n": b"1"})
        client.config_set("maxmemory", 1)
        results = await asyncio.gather(
            store.write(ACCESS, {"a": b"2", "b": b"2"}),
            store.increment(ACCESS, "n", 1, b"0"),
            store.create(replace(ACCESS, address=replace(ACCESS.address, id="2")), LIVES),
            return_exceptions=True,
        )
        for result in results:
            assert isinstance(result, StoreError)
            assert "command not allowed when used memory > 'maxmemory'" in line_of(result)
        assert await store.read(ACCESS) == {"a": b"1", "n": b"1"}
        assert await store.count() == 1
        client.config_set("maxmemory", 0)
        await store.write(ACCESS, {"a": b"2"})
        assert await store.increment(ACCESS, "n", 1, b"0") == b"2"
        await store.aclose()


async def test_several_stores_purge_and_each_session_is_told_of_once(valkey: ValkeyServer) -> None:
    stores = [RedisStore(valkey.url, prefix="purging", partitions=4) for _ in range(4)]
    accesses = [replace(ACCESS, address=replace(ACCESS.address, id=str(number))) for number in range(60)]
    await asyncio.gather(*(stores[0].create(access, Lifetime(0.01)) for access in accesses))
    await asyncio.sleep(0.05)
    answers = await asyncio.gather(*(store.purge_expired(7) for store in stores * 8))
    told = sorted(gone.address.id for answer in answers for gone in answer)
    assert told == sorted(access.address.id for access in accesses)
    for store in stores:
        await store.aclose()


def certificate(folder: Path) -> None:
    """Write a certificate for this machine's loopback address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    signed = builder.sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    encodings = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*encodings))


async def test_tls(valkey: ValkeyServer, tmp_path: Path) -> None:
    certificate(tmp_path)
    security = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    security.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    async with between(valkey, security) as (port, _):
        store = open_store(f"valkeys://localhost:{port}?prefix=tls&ssl_ca_certs={tmp_path}/cert.pem")
        await store.create(ACCESS, LIVES, {"a": b"1"})
        assert await store.read(ACCESS) == {"a": b"1"}
        await store.end(ACCESS)
        await store.aclose()
        assert "certificate verify failed" in await refusal(f"rediss://:hunter2@localhost:{port}")


async def test_a_client_that_looks_whether_it_is_well_gives_nobody_the_answer_of_another(valkey: ValkeyServer) -> None:
    store = RedisStore(f"{valkey.url}?health_check_interval=1&socket_timeout=2", prefix="health")
    accesses = [Access(Address("handle", str(number), "cart"), f"owner {number}") for number in range(40)]
    for access in accesses:
        await store.create(access, LIVES, {"mine": access.address.id.encode()})

    async def ask(access: Access) -> list[dict[str, bytes]]:
        found = []
        for _ in range(2):
            found.append(await store.read(access, ["mine"]))
            if access.address.id == "9" and len(found) == 1:
                time.sleep(1.2)  # some tool computes, while answers are on their way
        return found

    found = await asyncio.gather(*map(ask, accesses))
    assert found == [[{"mine": access.address.id.encode()}] * 2 for access in accesses]
    for access in accesses:
        await store.end(access)
    await store.aclose()


async def test_what_cannot_be_sent_fails_its_caller_alone(valkey: ValkeyServer) -> None:
    store = RedisStore(valkey.url, prefix="unsent")
    await store.create(ACCESS, LIVES, {"a": b"1"})
    wrong: Any = "\ud800"
    calls: list[Awaitable[Any]] = [store.read(ACCESS) for _ in range(10)]
    calls.insert(4, store.write(ACCESS, {"a": b"2"}, {"b": None, "c": wrong}))
    calls.insert(5, store._asker.use("append", ACCESS, "va", wrong, "[]", ""))
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(result, Exception) for result in found) == 2
    assert [result for result in found if not isinstance(result, Exception)] == [{"a": b"1"}] * 10
    await store.end(ACCESS)
    await store.aclose()


async def test_a_line_keeps_nothing_of_a_call_that_is_over(valkey: ValkeyServer) -> None:
    class Request:
        pass

    store = RedisStore(valkey.url, prefix="over")
    gone = []
    for number in range(20):
        request = Request()
        gone.append(weakref.ref(request))
        call = Call(store, Caller("me"), transport=f"t{number}", kind="connection", request=request)
        with serving(call):
            session = UntypedSession.current()
        await session.set("n", 1)
        await session.end()
        del request, call, session
    gc.collect()
    assert [reference() for reference in gone] == [None] * 20
    await store.aclose()
