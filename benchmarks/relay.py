"""A relay between a client and a server on this machine, which counts what passes: turns, statements, bytes."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Traffic:
    """What has passed since it was last taken.

    Attributes:
        trips: How often the client said something after the server had had the last word.
        out: All that the client said.
        back: How many bytes the server said.
    """

    trips: int = 0
    out: bytearray = field(default_factory=bytearray)
    back: int = 0
    _asked: bool = False

    def said(self, data: bytes) -> None:
        """Note what the client says."""
        self.trips += not self._asked
        self._asked = True
        self.out += data

    def answered(self, data: bytes) -> None:
        """Note what the server says."""
        self._asked = False
        self.back += len(data)

    def reset(self) -> None:
        """Forget it all."""
        self.trips, self.back = 0, 0
        self.out.clear()


@contextmanager
def relay(
    listen: Callable[[Callable[..., Awaitable[None]]], Awaitable[asyncio.Server]],
    connect: Callable[[], Awaitable[Streams]],
) -> Iterator[Traffic]:
    """Run a relay in a thread of its own."""
    traffic = Traffic()
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[bytes], None]) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 20):
                note(data)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await connect()
        there, back = pump(reader, server_writer, traffic.said), pump(server_reader, writer, traffic.answered)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(there, back)

    async def run() -> None:
        server = await listen(serve)
        ready.set()
        await stopped.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    stopped = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    ready.wait(10.0)
    try:
        yield traffic
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(10.0)


@contextmanager
def valkey(port: int, through: int) -> Iterator[Traffic]:
    """Run one to a Valkey server."""
    with relay(
        lambda serve: asyncio.start_server(serve, "127.0.0.1", through),
        lambda: asyncio.open_connection("127.0.0.1", port),
    ) as traffic:
        yield traffic


@contextmanager
def postgres(socket: Path, through: Path) -> Iterator[Traffic]:
    """Run one to a PostgreSQL server, from one socket of the file system to another."""
    with relay(
        lambda serve: asyncio.start_unix_server(serve, through),
        lambda: asyncio.open_unix_connection(socket),
    ) as traffic:
        yield traffic


def commands(said: bytes) -> int:
    """Return how many commands a client of Valkey has sent."""
    count = place = 0
    while place < len(said):
        end = said.index(b"\r\n", place)
        parts, place = int(said[place + 1 : end]), end + 2
        for _ in range(parts):
            end = said.index(b"\r\n", place)
            place = end + 2 + int(said[place + 1 : end]) + 2
        count += 1
    return count


def statements(said: bytes) -> int:
    """Return how many statements a client of PostgreSQL has had executed."""
    count = place = 0
    while place < len(said):
        count += said[place : place + 1] in (b"E", b"Q")
        place += 1 + int.from_bytes(said[place + 1 : place + 5], "big")
    return count
