"""Applications inside of others: mounting, several servers, CORS, and what is said when the lifespan was forgotten."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp.server import MCPServer
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp
from tests.runtime.test_middleware import HEADERS, HELLO, Peer, keys_in, make_server

from mcp_sessions import StoreError, UntypedSession
from mcp_sessions.server import Sessions

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def client_of(app: ASGIApp, path: str = "") -> AsyncIterator[Peer]:
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:8000{path}") as http:
        yield Peer(http)


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


@pytest.mark.parametrize("stateless", [True, False])
async def test_an_application_is_mounted_in_another_with_one_line(store: Any, stateless: bool) -> None:
    server, sessions = make_server(store)
    app = sessions.http_app(server, json_response=True, stateless=stateless)
    outer = Starlette(
        routes=[Route("/hello", hello), Mount("/api", app)], lifespan=lambda outer: sessions.lifespan(app)
    )
    async with outer.router.lifespan_context(outer), client_of(outer, "/api") as peer:
        session_id = await peer.initialize()
        assert keys_in(await peer.remember("a", session_id)) == ["a"]
        answer = await peer.http.get("http://127.0.0.1:8000/hello")
        assert answer.text == "hello"
        evil = {**HEADERS, "host": "evil.example", "mcp-session-id": session_id}
        assert (await peer.http.delete("/mcp", headers=evil)).status_code == 421


@pytest.mark.parametrize("stateless", [True, False])
@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
async def test_a_lifespan_that_was_forgotten_is_told(store: Any, stateless: bool, version: str) -> None:
    server, sessions = make_server(store)
    outer = Starlette(routes=[Mount("/", sessions.http_app(server, stateless=stateless))])
    async with outer.router.lifespan_context(outer), client_of(outer) as peer:
        with pytest.raises(RuntimeError, match=r"sessions\.lifespan\(app\)"):
            await peer.post("initialize", HELLO, mcp_protocol_version=version)


async def test_two_servers_in_one_application_share_nothing_but_the_store_they_are_given(store: Any) -> None:
    (one, first), (two, second) = make_server(store), make_server(store)
    apps = first.http_app(one, json_response=True), second.http_app(two, json_response=True, stateless=False)

    @asynccontextmanager
    async def lifespan(outer: Starlette) -> AsyncIterator[None]:
        async with first.lifespan(apps[0]), second.lifespan(apps[1]):
            yield

    outer = Starlette(routes=[Mount("/one", apps[0]), Mount("/two", apps[1])], lifespan=lifespan)
    async with outer.router.lifespan_context(outer), client_of(outer, "/one") as a, client_of(outer, "/two") as b:
        in_one, in_two = await a.initialize(), await b.initialize()
        assert keys_in(await a.remember("a", in_one)) == ["a"]
        assert keys_in(await b.remember("b", in_two)) == ["b"]
        assert (await a.remember("c", in_two)).status_code == 404
        assert (await b.remember("c", in_one)).status_code == 404
        assert keys_in(await b.remember("c", in_two)) == ["b", "c"]


async def test_two_servers_on_one_sessions_run_together_and_close_the_store_once() -> None:
    sessions = Sessions("memory://", schemas=[UntypedSession])
    servers = [MCPServer(name, extensions=[sessions], log_level="WARNING") for name in ("one", "two")]
    apps = [sessions.http_app(server, json_response=True) for server in servers]
    outer = Starlette(
        routes=[Mount("/one", apps[0]), Mount("/two", apps[1])], lifespan=lambda outer: sessions.lifespan(*apps)
    )
    async with outer.router.lifespan_context(outer):
        for path in ("/one", "/two"):
            async with client_of(outer, path) as peer:
                await peer.initialize()
        session = await UntypedSession.create(sessions.store)
        await session.set("a", 1)
    with pytest.raises(StoreError, match="closed"):
        await session.get("a")


@pytest.mark.parametrize("stateless", [True, False])
async def test_a_browser_may_ask_when_cors_stands_around_it(store: Any, stateless: bool) -> None:
    server, sessions = make_server(store)
    app = sessions.http_app(server, json_response=True, stateless=stateless, host="0.0.0.0")
    cors = CORSMiddleware(
        app,
        allow_origins=["https://app.example"],
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["*"],
        expose_headers=["Mcp-Session-Id"],
    )
    origin = {"origin": "https://app.example"}
    async with sessions.lifespan(app), client_of(cors) as peer:
        asks = {"access-control-request-method": "POST", "access-control-request-headers": "mcp-session-id"}
        preflight = await peer.http.options("/mcp", headers={**origin, **asks})
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "https://app.example"
        assert "mcp-session-id" in preflight.headers["access-control-allow-headers"]
        answer = await peer.post("initialize", HELLO, **origin)
        assert answer.headers["access-control-expose-headers"] == "Mcp-Session-Id"
        assert answer.headers["mcp-session-id"]
        refused = await peer.remember("a", "a" * 32, **origin)
        assert refused.status_code == 404
        assert refused.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize("stateless", [True, False])
async def test_a_server_that_the_sdk_serves_alone_warns_once_at_the_first_legacy_call(
    store: Any, stateless: bool, caplog: pytest.LogCaptureFixture
) -> None:
    server, _ = make_server(store)
    app = server.streamable_http_app(stateless_http=stateless, json_response=True)
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    begin = {"name": "create_session", "arguments": {}, "_meta": meta}
    modern = {"mcp_protocol_version": "2026-07-28", "mcp_method": "tools/call", "mcp_name": "create_session"}
    async with app.router.lifespan_context(app), client_of(app) as peer:
        assert "session_" in (await peer.post("tools/call", begin, **modern)).text
        assert caplog.messages == []
        session_id = (await peer.post("initialize", HELLO)).headers.get("mcp-session-id")
        for _ in range(2):
            answer = await peer.remember("a", session_id)
            assert bool(answer.json()["result"]["isError"]) is stateless
    [warning] = [record for record in caplog.records if record.name == "mcp_sessions"]
    assert warning.levelname == "WARNING"
    assert warning.getMessage().startswith("this server is served without its sessions: serve it by sessions.http_app(")


def test_a_port_that_is_taken_is_no_place_to_serve(store: Any, capsys: Any) -> None:
    server, sessions = make_server(store)
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    with pytest.raises(SystemExit) as ended:
        sessions.run(server, "streamable-http", port=port)
    taken.close()
    assert ended.value.code == f"cannot serve at 127.0.0.1, port {port}: Address already in use"
    assert "serving" not in capsys.readouterr().err


def test_the_body_of_an_answer_does_not_wait_until_its_headers_are_acknowledged(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import uvicorn

    immediate: list[int] = []

    async def accept(listening: socket.socket) -> None:
        def look(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted = writer.get_extra_info("socket")
            immediate.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        async with await asyncio.start_server(look, sock=listening):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            assert await reader.read() == b""
            writer.close()

    def run(http: Any, sockets: list[Any]) -> None:
        asyncio.run(accept(sockets[0]))
        http.started = True

    monkeypatch.setattr(uvicorn.Server, "run", run)
    server, sessions = make_server(store)
    sessions.run(server, "streamable-http", port=0)
    assert immediate
    assert all(immediate)


@pytest.mark.parametrize("transport", ["streamable-http", "http"])
def test_run_passes_on_what_http_app_takes(
    store: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any, transport: Any
) -> None:
    import uvicorn

    served: list[Any] = []

    def run(http: Any, sockets: list[Any]) -> None:
        served.append((http.config.app, sockets[0].getsockname()))
        http.started = True
        sockets[0].close()

    monkeypatch.setattr(uvicorn.Server, "run", run)
    server, sessions = make_server(store)
    sessions.run(server, transport, port=0, path="/here", stateless=False, json_response=True)
    [(app, (host, port))] = served
    assert host == "127.0.0.1"
    assert [route.path for route in app.app.routes] == ["/here"]
    assert server.session_manager.stateless is False
    assert server.session_manager.json_response is True
    assert capsys.readouterr().err == f"serving http://127.0.0.1:{port}/here\n"
    with pytest.raises(TypeError, match="path: only for the transport 'streamable-http'"):
        sessions.run(server, "stdio", path="/here")
