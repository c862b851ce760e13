"""Servers that are measured: processes of their own, and their clients' sessions."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from environments import REPOSITORY
from http_load import LEGACY, MODERN, Connection, Load, call, get, header_of, load, message_in

MOST_CONNECTIONS: Final = 16
OTHER_STATE: Final = "x" * 1024
CPU: Final = get("/cpu")
SETTLE: Final = get("/settle")
HELLO: Final = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "load", "version": "1"}}
ERAS: Final = {"modern": MODERN, "legacy": LEGACY}


@dataclass(frozen=True)
class Round:
    """What one round of calls took.

    Attributes:
        cpu: Seconds that processors worked for the server, for each call.
        load: What the client saw.
    """

    cpu: float
    load: Load


class Server:
    """A server that is running.

    Args:
        port: Where it answers.
        handle: The argument by which its tools take a session; "" if it has none.
        creates: The tool that begins a session, and the name of the handle in its answer.
    """

    def __init__(self, port: int, handle: str = "", creates: tuple[str, str] = ("", "")) -> None:
        self._port = port
        self._handle = handle
        self._creates = creates
        self._meter = Connection(port)
        self._requests: dict[tuple[str, str], list[bytes]] = {}

    def round(self, tool: str, era: str, connections: int, calls: int) -> Round:
        """Call a tool so many times over so many connections, each with a session of its own."""
        requests = self._prepared(tool, era)[:connections]
        opened = [Connection(self._port) for _ in requests]
        for connection, request in zip(opened, requests, strict=True):
            message_in(connection.ask(request))
        self._meter.ask(SETTLE)
        before = self._worked()
        done = load(opened, requests, calls)
        worked = self._worked() - before
        for connection in opened:
            connection.socket.close()
        return Round(worked / calls, done)

    def _worked(self) -> float:
        return int(self._meter.ask(CPU).rpartition(b"\r\n")[2]) / 1e9

    def _prepared(self, tool: str, era: str) -> list[bytes]:
        if (tool, era) not in self._requests:
            self._requests[tool, era] = [self._request(tool, ERAS[era]) for _ in range(MOST_CONNECTIONS)]
        return self._requests[tool, era]

    def _request(self, tool: str, version: str) -> bytes:
        """Return a request that calls a tool, after making the session that it is about."""
        ask = self._meter.ask
        session_id = None
        if version == LEGACY:
            answer = ask(call("initialize", HELLO, version))
            message_in(answer)
            session_id = header_of(answer, "mcp-session-id")
        named: dict[str, object] = {}
        create, result = self._creates
        needs_handle = tool == "visit" and (version == MODERN or self._handle == "session_id")
        if needs_handle:
            created = message_in(ask(call("tools/call", {"name": create}, version, session_id)))
            content = created["result"]["structuredContent"]
            named = {self._handle: content[result]}
        if tool == "visit":
            filled = {"name": "fill", "arguments": {"text": OTHER_STATE, **named}}
            message_in(ask(call("tools/call", filled, version, session_id)))
        return call("tools/call", {"name": tool, "arguments": {"by": 1, **named}}, version, session_id)


@contextmanager
def running(module: str, *arguments: str, python: Path | None = None) -> Iterator[int]:
    """Run a server of ``servers``, and give the port where it answers."""
    folders = [REPOSITORY / name for name in ("benchmarks", "examples", "runtime")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [str(python or sys.executable), "-m", f"servers.{module}", *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"{' '.join(command)} did not start")
            yield int(line)
        finally:
            process.kill()


@contextmanager
def sdk_server(*arguments: str, python: Path | None = None) -> Iterator[Server]:
    """Run a server on the official SDK."""
    with running("sdk", *arguments, python=python) as port:
        yield Server(port, "wizard", ("create_wizard", "wizard"))


@contextmanager
def fastmcp_server(url: str, python: Path) -> Iterator[Server]:
    """Run a server on FastMCP."""
    with running("peer", "--store", url, python=python) as port:
        yield Server(port, "session_id", ("create_session", "result"))
