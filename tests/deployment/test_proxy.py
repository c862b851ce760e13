"""The proxy by itself: what nginx.conf.template says of bodies, streams and paths."""

import http.client
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mcp.server.transport_security import DEFAULT_MAX_REQUEST_BODY_SIZE
from tests.deployment.topology import Service, make_proxy, services_of

FIRST, SECOND = b"data: first\n\n", b"data: second\n\n"


class Worker(BaseHTTPRequestHandler):
    """Answers a POST of /mcp with a stream whose second event waits until the first was received."""

    protocol_version = "HTTP/1.1"
    received = threading.Event()
    bodies: list[int]
    headers_seen: dict[str, str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.bodies.append(len(body))
        self.headers_seen.update(self.headers)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._send(FIRST)
        assert self.received.wait(30), "the first event did not arrive before the second was sent"
        self._send(SECOND)
        self.wfile.write(b"0\r\n\r\n")

    def _send(self, event: bytes) -> None:
        self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def worker() -> Iterator[ThreadingHTTPServer]:
    Worker.received.clear()
    Worker.bodies, Worker.headers_seen = [], {}
    with ThreadingHTTPServer(("127.0.0.1", 0), Worker) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        Worker.received.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(deployment: Path, nginx: str, worker: ThreadingHTTPServer, tmp_path: Path) -> Iterator[Service]:
    places = [f"127.0.0.1:{worker.server_port}"] * 2
    service = make_proxy(deployment, services_of(deployment)["proxy"], nginx, places, tmp_path / "proxy")
    service.start()
    yield service
    assert service.stop() == 0


def ask(
    proxy: Service, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
    connection.request(method, path, body, headers or {})
    return connection, connection.getresponse()


def test_events_pass_as_they_are_sent(proxy: Service) -> None:
    """The second event is sent only after the first was received, so a proxy that collects them gets stuck."""
    connection, answer = ask(proxy, "POST", "/mcp", b"{}", {"Mcp-Session-Id": "abc", "MCP-Protocol-Version": "x"})
    assert answer.read(len(FIRST)) == FIRST
    Worker.received.set()
    assert answer.read() == SECOND
    connection.close()
    seen = Worker.headers_seen
    assert (seen["Mcp-Session-Id"], seen["MCP-Protocol-Version"]) == ("abc", "x")
    assert seen["Host"] == f"127.0.0.1:{proxy.port}"
    assert (seen["X-Forwarded-For"], seen["X-Forwarded-Proto"]) == ("127.0.0.1", "http")
    assert "abc" not in proxy.log.read_text()


def test_bodies_may_be_as_large_as_the_sdk_takes_and_no_larger(proxy: Service) -> None:
    Worker.received.set()
    for size, status in ((DEFAULT_MAX_REQUEST_BODY_SIZE, 200), (DEFAULT_MAX_REQUEST_BODY_SIZE + 1, 413)):
        connection, answer = ask(proxy, "POST", "/mcp", b" " * size)
        assert answer.status == status
        answer.read()
        connection.close()
    assert Worker.bodies == [DEFAULT_MAX_REQUEST_BODY_SIZE]


def test_a_client_does_not_choose_the_address_that_workers_are_told(proxy: Service) -> None:
    Worker.received.set()
    connection, answer = ask(proxy, "POST", "/mcp", b"{}", {"X-Forwarded-For": "203.0.113.9"})
    answer.read()
    connection.close()
    assert Worker.headers_seen["X-Forwarded-For"] == "127.0.0.1"


def test_an_address_cannot_take_all_connections(proxy: Service) -> None:
    """Streams that stay open are counted; whoever is refused is told so, and may come again when one is over."""
    opened = [ask(proxy, "POST", "/mcp", b"{}") for _ in range(256)]
    assert {answer.status for _, answer in opened} == {200}
    refused, answer = ask(proxy, "POST", "/mcp", b"{}")
    assert answer.status == 429
    answer.read()
    Worker.received.set()
    for connection, answer in opened:
        answer.read()
        connection.close()
    refused.close()
    connection, answer = ask(proxy, "POST", "/mcp", b"{}")
    assert answer.status == 200
    answer.read()
    connection.close()


@pytest.mark.parametrize("path", ["/", "/mcp/", "/livez", "/docs"])
def test_nothing_else_is_passed_on(path: str, proxy: Service) -> None:
    connection, answer = ask(proxy, "POST", path, b"{}")
    assert (answer.status, answer.headers["Server"]) == (404, "nginx")
    connection.close()
    assert Worker.bodies == []


def test_the_variables_of_the_template_are_those_that_the_proxy_has(deployment: Path) -> None:
    template = (deployment / "nginx.conf.template").read_text(encoding="utf-8")
    given = {name for name in services_of(deployment)["proxy"]["environment"] if not name.startswith("NGINX_")}
    assert set(re.findall(r"\$\{(\w+)\}", template)) == given
    assert set(re.findall(r"\b[A-Z]+_[A-Z0-9]+\b", template.partition("\n\n")[0])) == given
