"""FastMCP servers over HTTP: who is let in, what is minted, refused and ended, and what is said of mistakes."""

import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from fastmcp import FastMCP
from fastmcp.server.auth.providers.jwt import JWTVerifier, RSAKeyPair, StaticTokenVerifier
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.types import ASGIApp
from tests.runtime.test_middleware import HEADERS, HELLO, LEGACY, MODERN, Peer, keys_in

from mcp_sessions import StoreError, UntypedSession, owner_of
from mcp_sessions.fastmcp import FastMCPSessions
from mcp_sessions.ids import is_transport_id
from mcp_sessions.stores import MemoryStore
from mcp_sessions.stores.base import TRANSPORT_SCHEMA, Limits

pytestmark = pytest.mark.anyio

TOKENS = {
    "one": {"client_id": "app", "scopes": [], "sub": "anna"},
    "again": {"client_id": "app", "scopes": [], "sub": "anna"},
    "two": {"client_id": "app", "scopes": [], "sub": "ben"},
    "client": {"client_id": "app", "scopes": []},
}


class Mine(UntypedSession, name="mine"):
    """One for each user."""


Mine.schema = replace(Mine.schema, scope="user")


def make_server(store: Any, *, auth: Any = None, **options: Any) -> tuple[FastMCP[Any], FastMCPSessions]:
    sessions = FastMCPSessions(store, schemas=[UntypedSession, Mine], **options)
    server: FastMCP[Any] = FastMCP("test", auth=auth)
    sessions.add_to(server)

    @server.tool
    async def remember(key: str, session: UntypedSession) -> list[str]:
        """Keep a key."""
        await session.set(key, True)
        return await session.keys()

    @server.tool
    async def remember_of_me(key: str, mine: Mine) -> list[str]:
        """Keep a key for the user."""
        await mine.set(key, True)
        return await mine.keys()

    return server, sessions


@asynccontextmanager
async def client_of(app: Any, path: str = "") -> AsyncIterator[Peer]:
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:8000{path}") as http,
    ):
        yield Peer(http)


@asynccontextmanager
async def serving(store: Any, *, auth: Any = None, limits: Any = None, **options: Any) -> AsyncIterator[Peer]:
    server, sessions = make_server(store, auth=auth, **({"limits": limits} if limits else {}))
    async with client_of(sessions.http_app(server, json_response=True, **options)) as peer:
        yield peer


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def modern(peer: Peer, tool: str, arguments: Any, **headers: str) -> Any:
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": HELLO["clientInfo"],
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    named = {"mcp_protocol_version": MODERN, "mcp_method": "tools/call", "mcp_name": tool}
    answer = await peer.post("tools/call", params, **named, **headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


def said(result: Any) -> str:
    assert result["isError"], result
    return str(result["content"][0]["text"])


@pytest.mark.parametrize("stateless", [True, False])
async def test_initialize_gives_an_id_that_names_a_session_from_then_on(store: Any, stateless: bool) -> None:
    async with serving(store, stateless=stateless) as peer:
        one, two = await peer.initialize(), await peer.initialize()
        assert one != two
        assert is_transport_id(one) is stateless  # the SDK mints those of stateful servers
        assert keys_in(await peer.remember("a", one)) == ["a"]
        assert keys_in(await peer.remember("b", one)) == ["a", "b"]
        assert keys_in(await peer.remember("c", two)) == ["c"]


async def test_any_worker_on_the_same_store_serves_the_session(store: Any) -> None:
    async with serving(store) as one, serving(store) as two:
        session_id = await one.initialize()
        assert keys_in(await two.remember("a", session_id)) == ["a"]
        assert keys_in(await one.remember("b", session_id)) == ["a", "b"]


@pytest.mark.parametrize("stateless", [True, False])
async def test_an_id_that_is_not_known_creates_nothing(store: Any, stateless: bool) -> None:
    async with serving(store, stateless=stateless) as peer:
        for unknown, status in (("made-up", 404), ("mcps-" + "a" * 32, 404), ("\x7f", 400)):
            assert (await peer.remember("a", unknown)).status_code == status
        assert (await peer.remember("a")).status_code == 400
    assert (await store.scan()).sessions == ()


@pytest.mark.parametrize("stateless", [True, False])
async def test_the_header_means_nothing_on_a_modern_request(store: Any, stateless: bool) -> None:
    """FastMCP's own state takes whatever that header says for the name of a session."""
    async with serving(store, stateless=stateless) as peer:
        session_id = await peer.initialize()
        assert keys_in(await peer.remember("a", session_id)) == ["a"]
        for given in (session_id, "made-up"):
            result = await modern(peer, "remember", {"key": "b"}, mcp_session_id=given)
            assert said(result).startswith("this call names no session session. Call create_session first")
        assert keys_in(await peer.remember("c", session_id)) == ["a", "c"]


@pytest.mark.parametrize("stateless", [True, False])
async def test_delete_ends_a_session_and_what_it_held(store: Any, stateless: bool) -> None:
    async with serving(store, stateless=stateless) as peer:
        session_id = await peer.initialize()
        await peer.remember("a", session_id)
        headers = {**HEADERS, "mcp-session-id": session_id, "mcp-protocol-version": LEGACY}
        assert (await peer.http.delete("/mcp", headers=headers)).status_code in (200, 204)
        assert (await peer.remember("b", session_id)).status_code == 404
        assert (await store.scan()).sessions == ()


async def test_a_stateless_application_has_no_stream_to_listen_to(store: Any) -> None:
    async with serving(store) as peer:
        session_id = await peer.initialize()
        answer = await peer.http.get("/mcp", headers={**HEADERS, "mcp-session-id": session_id})
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"POST", "DELETE"}


@pytest.mark.parametrize("stateless", [True, False])
async def test_the_user_of_the_token_is_the_owner_and_nobody_else_is_let_in(store: Any, stateless: bool) -> None:
    async with serving(store, auth=StaticTokenVerifier(TOKENS), stateless=stateless) as peer:
        session_id = await peer.initialize(**bearer("one"))
        assert keys_in(await peer.remember("a", session_id, **bearer("one"))) == ["a"]
        for token, status in (("two", 404), ("nonsense", 401)):
            assert (await peer.remember("b", session_id, **bearer(token))).status_code == status
        assert (await peer.remember("b", session_id)).status_code == 401
        assert (await peer.remember("b", "made-up")).status_code == 401
        assert keys_in(await peer.remember("c", session_id, **bearer("one"))) == ["a", "c"]
    assert {one.owner for one in (await store.scan()).sessions} == {owner_of("app", None, "anna")}


async def test_a_token_that_was_renewed_is_still_the_same_user(store: Any) -> None:
    async with serving(store, auth=StaticTokenVerifier(TOKENS)) as peer:
        session_id = await peer.initialize(**bearer("one"))
        assert keys_in(await peer.remember("a", session_id, **bearer("again"))) == ["a"]


async def test_a_handle_is_no_use_to_another_user(store: Any) -> None:
    async with serving(store, auth=StaticTokenVerifier(TOKENS)) as peer:
        handle = (await modern(peer, "create_session", {}, **bearer("one")))["structuredContent"]["session"]
        kept = await modern(peer, "remember", {"key": "a", "session": handle}, **bearer("again"))
        assert kept["structuredContent"]["result"] == ["a"]
        foreign = await modern(peer, "remember", {"key": "b", "session": handle}, **bearer("two"))
        unknown = await modern(peer, "remember", {"key": "b", "session": "session_" + "a" * 32}, **bearer("two"))
        assert said(foreign) == said(unknown)


async def test_each_user_has_a_state_of_their_own_in_both_eras(store: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(store, auth=StaticTokenVerifier(TOKENS)) as peer:
        session_id = await peer.initialize(**bearer("one"))
        assert keys_in(await peer.remember("a", session_id, "remember_of_me", **bearer("one"))) == ["a"]
        for token, keys in (("again", ["a", "b"]), ("two", ["b"])):
            result = await modern(peer, "remember_of_me", {"key": "b"}, **bearer(token))
            assert result["structuredContent"]["result"] == keys
        assert "names a client but no user" in said(
            await modern(peer, "remember_of_me", {"key": "b"}, **bearer("client"))
        )
    assert "an access token names a client but no user" in caplog.text


async def test_signed_tokens_name_their_users_too(store: Any) -> None:
    keys = RSAKeyPair.generate()
    verifier = JWTVerifier(public_key=keys.public_key, issuer="https://issuer.example", audience="test")

    def token(subject: str) -> dict[str, str]:
        return bearer(keys.create_token(subject=subject, issuer="https://issuer.example", audience="test"))

    async with serving(store, auth=verifier) as peer:
        session_id = await peer.initialize(**token("anna"))
        assert keys_in(await peer.remember("a", session_id, **token("anna"))) == ["a"]
        assert (await peer.remember("a", session_id, **token("ben"))).status_code == 404


@pytest.mark.parametrize("stateless", [True, False])
async def test_when_there_is_no_room_or_no_store_the_client_is_asked_to_come_again(stateless: bool) -> None:
    store = MemoryStore()
    async with serving(store, limits=Limits(all_sessions=1), stateless=stateless) as peer:
        session_id = await peer.initialize()
        full = await peer.post("initialize", HELLO)
        await store.aclose()
        down = await peer.remember("a", session_id)
    for answer in (full, down):
        assert answer.status_code == 503
        assert answer.headers["retry-after"]


@pytest.mark.parametrize("protection", [True, "auto"])
async def test_fastmcps_own_checks_of_host_and_origin_come_before_us(store: Any, protection: Any) -> None:
    async with serving(store, host_origin_protection=protection) as peer:
        session_id = await peer.initialize()
        evil = {**HEADERS, "host": "evil.example", "mcp-session-id": session_id}
        assert (await peer.http.delete("/mcp", headers=evil)).status_code == 421
        assert keys_in(await peer.remember("a", session_id)) == ["a"]


async def test_an_application_is_mounted_in_another_as_those_of_fastmcp_are(store: Any) -> None:
    server, sessions = make_server(store)
    app = sessions.http_app(server, path="/", json_response=True)
    outer = Starlette(routes=[Mount("/mcp", app)], lifespan=app.lifespan)
    async with client_of(outer) as peer:
        peer.http.follow_redirects = True
        session_id = await peer.initialize()
        assert keys_in(await peer.remember("a", session_id)) == ["a"]


async def test_two_servers_on_one_sessions_run_together_and_close_the_store_once() -> None:
    sessions = FastMCPSessions("memory://", schemas=[UntypedSession])
    apps = []
    for name in ("one", "two"):
        server: FastMCP[Any] = FastMCP(name)
        sessions.add_to(server)
        apps.append(sessions.http_app(server, path="/", json_response=True))
    outer = Starlette(
        routes=[Mount("/one", apps[0]), Mount("/two", apps[1])], lifespan=lambda outer: sessions.lifespan(*apps)
    )
    async with client_of(outer):
        session = await UntypedSession.create(sessions.store)
        await session.set("a", 1)
    with pytest.raises(StoreError, match="closed"):
        await session.get("a")


async def test_a_middleware_of_the_users_stands_around_all(store: Any) -> None:
    seen: list[str] = []

    class Watch:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            seen.append(scope["type"])
            await self.app(scope, receive, send)

    async with serving(store, middleware=[Middleware(Watch)]) as peer:
        await peer.initialize()
    assert "http" in seen


async def test_a_server_that_fastmcp_serves_alone_warns_once_and_keeps_what_it_can(
    store: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server, _ = make_server(store)
    async with client_of(server.http_app(json_response=True)) as peer:
        result = await modern(peer, "create_session", {})
        assert result["structuredContent"]["session"].startswith("session_")
        assert "served without its sessions" not in caplog.text
        session_id = await peer.initialize()
        for key, keys in (("a", ["a"]), ("b", ["a", "b"])):
            assert keys_in(await peer.remember(key, session_id)) == keys
    assert caplog.text.count("served without its sessions") == 1
    assert "sessions.run(mcp, 'http')" in caplog.text


async def test_a_stateless_server_that_fastmcp_serves_alone_refuses_rather_than_loses(
    store: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server, _ = make_server(store)
    async with client_of(server.http_app(json_response=True, stateless_http=True)) as peer:
        await peer.post("initialize", HELLO)
        answer = await peer.remember("a", "made-up")
        assert said(answer.json()["result"]).startswith("this call names no session session. Call create_session")
    assert "served without its sessions" in caplog.text
    assert (await store.scan()).sessions == ()


def test_what_was_not_added_is_not_served(store: Any) -> None:
    sessions = FastMCPSessions(store, schemas=[UntypedSession])
    server: FastMCP[Any] = FastMCP("test")
    for serve in (sessions.http_app, sessions.run):
        with pytest.raises(ValueError, match=r"call sessions\.add_to\(mcp\) first"):
            serve(server)
    other: Any = object()
    with pytest.raises(TypeError, match="got object"):
        sessions.http_app(other)


@pytest.mark.parametrize(
    ("options", "advice"),
    [({"stateless_http": True}, "stateless=True or"), ({"transport": "sse"}, "for Streamable HTTP alone")],
)
def test_what_is_said_otherwise_here_is_told(store: Any, options: Any, advice: str) -> None:
    server, sessions = make_server(store)
    with pytest.raises(TypeError, match=advice):
        sessions.http_app(server, **options)


def test_run_refuses_what_it_cannot_do(store: Any) -> None:
    server, sessions = make_server(store)
    with pytest.raises(TypeError, match="path, port: only for the transport 'http'"):
        sessions.run(server, "stdio", port=1, path="/x")
    forgotten: Any = "http"
    with pytest.raises(TypeError, match=r"the server comes first, as in sessions\.run\(mcp, 'http'\); got 'http'"):
        sessions.run(forgotten, port=1)
    wrong: Any = "sse"
    with pytest.raises(ValueError, match="no transport 'sse'; there are 'stdio' and 'http'"):
        sessions.run(server, wrong)


async def test_sweeping_ends_what_expired_while_a_server_runs(clock: Any) -> None:
    store = MemoryStore(clock=clock)
    server, sessions = make_server(store)
    told = asyncio.Event()

    @sessions.on_end(UntypedSession)
    async def over(session: UntypedSession, reason: str) -> None:
        assert reason == "expired"
        told.set()

    session = await UntypedSession.create(store, idle="1s")
    assert session.id
    clock.advance(3600.0)
    async with client_of(server.http_app()):  # FastMCP alone: its lifespan sweeps as well
        await asyncio.wait_for(told.wait(), 20)


async def test_what_a_connection_of_a_stateful_server_kept_ends_with_its_session(
    store: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server, _ = make_server(store)
    with caplog.at_level(logging.ERROR):
        async with client_of(server.http_app(json_response=True)) as peer:
            session_id = await peer.initialize()
            await peer.remember("a", session_id)
            await peer.http.delete("/mcp", headers={**HEADERS, "mcp-session-id": session_id})
            gc.collect()
    assert (await store.scan()).sessions == ()


async def test_the_transport_session_is_in_the_store_before_its_id_goes_out(store: Any) -> None:
    async with serving(store) as peer:
        session_id = await peer.initialize()
        [kept] = (await store.scan()).sessions
        assert (kept.address.id, kept.address.schema) == (session_id, TRANSPORT_SCHEMA)


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(store: Any) -> None:
    async with serving(store) as peer:
        session_id = await peer.initialize()
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"a": "x" * (5 * 1024 * 1024)}})
        answer = await peer.http.post("/mcp", content=body, headers={**HEADERS, "mcp-session-id": session_id})
    assert answer.status_code == 413
