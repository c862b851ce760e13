"""The cheapest HTTP client that will do: prepared requests over kept connections, one at a time on each."""

import json
import selectors
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LEGACY, MODERN = "2025-11-25", "2026-07-28"
_TIMEOUT = 30.0


@dataclass(frozen=True)
class Load:
    """What a server was asked, and how it answered.

    Attributes:
        seconds: How long all of it took.
        latencies: How long each call took.
    """

    seconds: float
    latencies: list[float]


class Connection:
    """A connection to a server on this machine, that has one request under way at most."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer = b""
        self.since = 0.0

    def send(self, request: bytes) -> None:
        """Send a request."""
        self.since, self._answer = time.perf_counter(), b""
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """Take what has come of the answer; return the answer when it is complete."""
        part = self.socket.recv(65536)
        if not part:
            raise RuntimeError(f"the server hung up after {self._answer[:200]!r}")
        self._answer += part
        return self._answer if _is_complete(self._answer) else None

    def ask(self, request: bytes) -> bytes:
        """Send a request and wait for its answer."""
        self.send(request)
        while (answer := self.receive()) is None:
            pass
        return answer


def get(path: str) -> bytes:
    """Return a GET request."""
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()


def call(method: str, params: Mapping[str, Any], version: str, session_id: str | None = None) -> bytes:
    """Return an MCP request of one era, as its clients write it."""
    headers = {"mcp-protocol-version": version}
    if version == MODERN:
        meta = {"protocolVersion": version, "clientInfo": {"name": "load", "version": "1"}, "clientCapabilities": {}}
        params = {**params, "_meta": {f"io.modelcontextprotocol/{name}": value for name, value in meta.items()}}
        headers |= {"mcp-method": method, "mcp-name": params["name"]}
    if session_id is not None:
        headers["mcp-session-id"] = session_id
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    lines = [
        "POST /mcp HTTP/1.1",
        "host: 127.0.0.1:8000",
        "accept: application/json, text/event-stream",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", body]).encode()


def header_of(answer: bytes, name: str) -> str | None:
    """Return a header of an answer."""
    for line in answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return None


def message_in(answer: bytes) -> Any:
    """Return the JSON-RPC message of an answer, whether it stands alone or in a stream of events.

    Raises:
        RuntimeError: If it is an error.
    """
    text = answer.decode()
    if not text.startswith("HTTP/1.1 200") or '"isError":true' in text or "{" not in text:
        raise RuntimeError(f"a call failed: {text[:2000]}")
    return json.loads(text[text.index("{") : text.rindex("}") + 1])


def load(connections: Sequence[Connection], requests: Sequence[bytes], calls: int) -> Load:
    """Make so many calls, as many at once as there are connections; the request of each connection is always the same.

    Raises:
        RuntimeError: If a call fails, or none is answered in time: then what it took means nothing.
    """
    latencies: list[float] = []
    waiting = calls
    with selectors.DefaultSelector() as selector:
        start = time.perf_counter()
        for connection, request in zip(connections, requests, strict=True):
            selector.register(connection.socket, selectors.EVENT_READ, (connection, request))
            connection.send(request)
            waiting -= 1
        while len(latencies) < calls:
            ready = selector.select(_TIMEOUT)
            if not ready:
                raise RuntimeError("the server does not answer")
            for key, _ in ready:
                connection, request = key.data
                answer = connection.receive()
                if answer is None:
                    continue
                latencies.append(time.perf_counter() - connection.since)
                if not answer.startswith(b"HTTP/1.1 200") or b'"isError":true' in answer:
                    raise RuntimeError(f"a call failed: {answer!r}")
                if waiting > 0:
                    waiting -= 1
                    connection.send(request)
        return Load(time.perf_counter() - start, latencies)


def _is_complete(answer: bytes) -> bool:
    _, blank, body = answer.partition(b"\r\n\r\n")
    if not blank:
        return False
    length = header_of(answer, "content-length")
    return body.endswith(b"0\r\n\r\n") if length is None else len(body) >= int(length)
