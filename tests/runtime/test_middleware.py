"""``SessionMiddleware`` over HTTP: what is minted, verified, refused and ended, and who is let in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.server import MCPServer
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from starlette.middleware import Middleware

from mcp_sessions import SessionExpiredError, StoreError, UntypedSession
from mcp_sessions.ids import is_transport_id
from mcp_sessions.legacy import HANDSHAKE_SECONDS
from mcp_sessions.middleware import SessionMiddleware
from mcp_sessions.server import Sessions
from mcp_sessions.stores import MemoryStore
from mcp_sessions.stores.base import NO_LIMITS, Address, Limits

pytestmark = pytest.mark.anyio

HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
LEGACY = "2025-11-25"
MODERN = "2026-07-28"
HELLO = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}


class Verifier:
    """Takes a token to be ``client/subject``, or ``client/`` for a client without users."""

    async def verify_token(self, token: str) -> AccessToken | None:
        client, slash, subject = token.partition("/")
        return AccessToken(token=token, client_id=client, scopes=[], subject=subject or None) if slash else None


class Brief(UntypedSession, name="brief"):
    """Expires sooner than others."""


Brief.schema = replace(Brief.schema, idle=600.0, max=900.0)


class Mine(UntypedSession, name="mine"):
    """One for each user."""


Mine.schema = replace(Mine.schema, scope="user")


def make_server(store: Any, *, auth: bool = False, limits: Limits = NO_LIMITS) -> tuple[MCPServer, Sessions]:
    sessions = Sessions(store, schemas=[UntypedSession, Brief, Mine], idle="20m", limits=limits)
    settings: dict[str, Any] = {}
    if auth:
        settings["token_verifier"] = Verifier()
        settings["auth"] = AuthSettings(
            issuer_url="https://issuer.example", resource_server_url=None, validate_token_resource=False
        )
    server = MCPServer("test", extensions=[sessions], log_level="WARNING", **settings)

    @server.tool()
    async def remember(key: str, session: UntypedSession) -> list[str]:
        """Keep a key."""
        await session.set(key, True)
        return await session.keys()

    @server.tool()
    async def remember_briefly(key: str, brief: Brief) -> list[str]:
        """Keep a key for a short time."""
        await brief.set(key, True)
        return await brief.keys()

    @server.tool()
    async def remember_of_me(key: str, mine: Mine) -> list[str]:
        """Keep a key for the user."""
        await mine.set(key, True)
        return await mine.keys()

    return server, sessions


class Peer:
    """A client that knows the protocol's bytes and none of its rules."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    async def post(self, method: str, params: Any = None, **headers: str) -> httpx2.Response:
        body: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": method}
        if params is not None:
            body["params"] = params
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post("/mcp", json=body, headers={**HEADERS, **named})

    async def initialize(self, **headers: str) -> str:
        answer = await self.post(
            "initialize",
            HELLO,
            **headers,
        )
        assert answer.status_code == 200
        return answer.headers["mcp-session-id"]

    async def remember(
        self, key: str, session_id: str | None = None, tool: str = "remember", **headers: str
    ) -> httpx2.Response:
        if session_id is not None:
            headers["mcp_session_id"] = session_id
        params = {"name": tool, "arguments": {"key": key}}
        return await self.post("tools/call", params, mcp_protocol_version=LEGACY, **headers)


@asynccontextmanager
async def serving(store: Any, *, auth: bool = False, limits: Limits = NO_LIMITS, **options: Any) -> AsyncIterator[Peer]:
    server, sessions = make_server(store, auth=auth, limits=limits)
    app = sessions.http_app(server, json_response=True, **options)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:8000") as http,
    ):
        yield Peer(http)


def keys_in(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return list(answer.json()["result"]["structuredContent"]["result"])


def is_refused_once(answer: httpx2.Response) -> bool:
    result = answer.json()["result"]
    return bool(result["isError"]) and result["content"][0]["text"].endswith(
        "this brief state has expired, and what it held is gone. The next call begins anew."
    )


async def test_initialize_gives_an_id_that_names_a_session_from_then_on(store: Any) -> None:
    async with serving(store) as peer:
        one, two = await peer.initialize(), await peer.initialize()
        assert one != two
        assert is_transport_id(one)
        assert keys_in(await peer.remember("a", one)) == ["a"]
        assert keys_in(await peer.remember("b", one)) == ["a", "b"]
        assert keys_in(await peer.remember("c", two)) == ["c"]


async def test_any_worker_on_the_same_store_serves_the_session(store: Any) -> None:
    async with serving(store) as first, serving(store) as second:
        session_id = await first.initialize()
        assert keys_in(await second.remember("a", session_id)) == ["a"]
        assert keys_in(await first.remember("b", session_id)) == ["a", "b"]
        deleted = await second.http.delete("/mcp", headers={"mcp-session-id": session_id})
        assert deleted.status_code == 204
        assert (await first.remember("c", session_id)).status_code == 404


async def test_delete_ends_the_session_for_good(store: Any) -> None:
    async with serving(store) as peer:
        session_id = await peer.initialize()
        await peer.remember("a", session_id)
        header = {"mcp-session-id": session_id}
        assert (await peer.http.delete("/mcp", headers=header)).status_code == 204
        assert (await peer.http.delete("/mcp", headers=header)).status_code == 404
        answer = await peer.remember("b", session_id)
        assert answer.status_code == 404
        assert answer.json() == {
            "jsonrpc": "2.0",
            "id": None,
            "error": {"code": -32600, "message": "Session not found"},
        }


@pytest.mark.parametrize(
    ("session_id", "status"),
    [
        ("mcps-" + "a" * 32, 404),
        ("0123456789abcdef0123456789abcdef", 404),
        ("session_" + "a" * 32, 404),
        ("mcps-" + "A" * 32, 404),
        ("' OR 1=1 --", 400),
        ("with space", 400),
        ("x" * 257, 400),
        ("\x7f", 400),
        ("", 400),
    ],
)
async def test_an_id_that_we_did_not_mint_is_refused_and_makes_no_state(
    store: Any, session_id: str, status: int
) -> None:
    async with serving(store) as peer:
        assert (await peer.remember("a", session_id)).status_code == status
        header = {"mcp-session-id": session_id}
        assert (await peer.http.delete("/mcp", headers=header)).status_code == status


async def test_a_request_without_an_id_or_with_two_is_refused(store: Any) -> None:
    async with serving(store) as peer:
        session_id = await peer.initialize()
        missing = await peer.remember("a")
        assert missing.status_code == 400
        assert "Missing session ID" in missing.json()["error"]["message"]
        twice = [*HEADERS.items(), ("mcp-session-id", session_id), ("mcp-session-id", session_id)]
        body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        assert (await peer.http.post("/mcp", json=body, headers=twice)).status_code == 400
        assert (await peer.http.delete("/mcp")).status_code == 400


async def test_there_is_no_stream_to_get(store: Any) -> None:
    async with serving(store) as peer:
        session_id = await peer.initialize()
        answer = await peer.http.get("/mcp", headers={**HEADERS, "mcp-session-id": session_id})
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST, DELETE"
        assert (await peer.http.put("/mcp", headers={**HEADERS, "mcp-session-id": session_id})).status_code == 405


async def test_a_stolen_id_on_a_modern_request_means_nothing(store: Any) -> None:
    async with serving(store) as peer:
        session_id = await peer.initialize()
        await peer.remember("secret", session_id)
        answer = await peer.post(
            "tools/call",
            {
                "name": "remember",
                "arguments": {"key": "x"},
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": MODERN,
                    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
            mcp_protocol_version=MODERN,
            mcp_method="tools/call",
            mcp_name="remember",
            mcp_session_id=session_id,
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["result"]["isError"]
        assert "create_session" in answer.json()["result"]["content"][0]["text"]
        assert keys_in(await peer.remember("mine", session_id)) == ["mine", "secret"]


async def test_a_transport_id_is_no_handle_and_a_handle_no_transport_id(store: Any) -> None:
    async with serving(store) as peer:
        session_id = await peer.initialize()
        params = {"name": "remember", "arguments": {"key": "a", "session": session_id}}
        answer = await peer.post("tools/call", params, mcp_session_id=session_id)
        assert answer.json()["result"]["isError"]
        created = await peer.post("tools/call", {"name": "create_session"}, mcp_session_id=session_id)
        handle = created.json()["result"]["structuredContent"]["session"]
        assert (await peer.remember("a", handle)).status_code == 404
        params = {"name": "remember", "arguments": {"key": "a", "session": handle}}
        assert keys_in(await peer.post("tools/call", params, mcp_session_id=session_id)) == ["a"]


async def test_a_session_is_its_owners_alone_and_without_a_token_nobody_gets_in(store: Any) -> None:
    async with serving(store, auth=True) as peer:
        session_id = await peer.initialize(authorization="Bearer app/ann")
        assert keys_in(await peer.remember("a", session_id, authorization="Bearer app/ann")) == ["a"]
        for stranger in ("Bearer app/bob", "Bearer other/ann"):
            assert (await peer.remember("b", session_id, authorization=stranger)).status_code == 404
            header = {"mcp-session-id": session_id, "authorization": stranger}
            assert (await peer.http.delete("/mcp", headers=header)).status_code == 404
        assert (await peer.remember("b", session_id)).status_code == 401
        assert (await peer.remember("b", session_id, authorization="Bearer nonsense")).status_code == 401
        assert keys_in(await peer.remember("c", session_id, authorization="Bearer app/ann")) == ["a", "c"]


async def test_a_handle_is_its_owners_alone(store: Any) -> None:
    async with serving(store, auth=True) as peer:
        ann = {
            "authorization": "Bearer app/ann",
            "mcp_session_id": await peer.initialize(authorization="Bearer app/ann"),
        }
        bob = {
            "authorization": "Bearer app/bob",
            "mcp_session_id": await peer.initialize(authorization="Bearer app/bob"),
        }
        created = await peer.post("tools/call", {"name": "create_session"}, **ann)
        handle = created.json()["result"]["structuredContent"]["session"]
        params = {"name": "remember", "arguments": {"key": "a", "session": handle}}
        assert keys_in(await peer.post("tools/call", params, **ann)) == ["a"]
        foreign = (await peer.post("tools/call", params, **bob)).json()["result"]
        params["arguments"] = {"key": "a", "session": handle[:-1] + ("a" if handle[-1] != "a" else "b")}
        unknown = (await peer.post("tools/call", params, **bob)).json()["result"]
        assert foreign["isError"]
        assert foreign == unknown


async def test_an_abandoned_handshake_is_held_only_briefly(store: Any, clock: Any) -> None:
    async with serving(store) as peer:
        abandoned, used = await peer.initialize(), await peer.initialize()
        await peer.remember("a", used)
        clock.advance(HANDSHAKE_SECONDS * 1.1)
        assert (await peer.remember("a", abandoned)).status_code == 404
        assert keys_in(await peer.remember("b", used)) == ["a", "b"]
        clock.advance(1190)
        assert keys_in(await peer.remember("c", used)) == ["a", "b", "c"]
        clock.advance(1230)
        assert (await peer.remember("d", used)).status_code == 404


async def test_each_schema_has_its_own_lifetime_within_an_mcp_session(store: Any, clock: Any) -> None:
    async with serving(store) as peer:
        session_id = await peer.initialize()
        await peer.remember("a", session_id)
        await peer.remember("a", session_id, "remember_briefly")
        clock.advance(620)
        assert is_refused_once(await peer.remember("b", session_id, "remember_briefly"))
        assert keys_in(await peer.remember("b", session_id, "remember_briefly")) == ["b"]
        assert keys_in(await peer.remember("b", session_id)) == ["a", "b"]
        for _ in range(2):
            clock.advance(440)
            await peer.remember("c", session_id, "remember_briefly")
        clock.advance(30)
        assert is_refused_once(await peer.remember("d", session_id, "remember_briefly"))
        assert keys_in(await peer.remember("d", session_id, "remember_briefly")) == ["d"]
        assert keys_in(await peer.remember("c", session_id)) == ["a", "b", "c"]


async def test_a_handle_lives_as_long_as_the_server_says(store: Any, clock: Any) -> None:
    async with serving(store) as peer:
        session_id = await peer.initialize()
        created = await peer.post("tools/call", {"name": "create_session"}, mcp_session_id=session_id)
        content = created.json()["result"]["structuredContent"]
        assert content["retention"] == "It expires after 20 minutes without use."
        handle = UntypedSession.open(store, content["session"])
        clock.advance(1190)
        await handle.touch()
        clock.advance(1230)
        with pytest.raises(SessionExpiredError):
            await handle.touch()


async def test_a_users_state_is_found_through_any_session_of_that_user_alone(store: Any) -> None:
    async with serving(store, auth=True) as peer:
        for token, expected in (("app/ann", ["a"]), ("app/bob", ["b"]), ("app/ann", ["a", "c"])):
            bearer = {"authorization": f"Bearer {token}"}
            session_id = await peer.initialize(**bearer)
            key = expected[-1]
            assert keys_in(await peer.remember(key, session_id, "remember_of_me", **bearer)) == expected


async def test_users_that_cannot_be_told_apart_share_nothing(store: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(store, auth=True) as peer:
        await peer.initialize(authorization="Bearer app/ann")
        assert not caplog.records
        bearer = {"authorization": "Bearer app/"}
        session_id = await peer.initialize(**bearer)
        result = (await peer.remember("a", session_id, "remember_of_me", **bearer)).json()["result"]
        assert result["isError"]
        assert "must set the token's subject" in result["content"][0]["text"]
    told = [record.message for record in caplog.records if "AccessToken.subject" in record.message]
    assert len(told) == 1


async def test_an_initialize_that_is_refused_opens_no_session(store: Any) -> None:
    async with serving(store) as peer:
        for params in (None, {}, {"protocolVersion": 5}):
            answer = await peer.post("initialize", params)
            assert "mcp-session-id" not in answer.headers
            assert "error" in answer.json()
        for wrong in (None, 1.5, True, {}):
            body = {"jsonrpc": "2.0", "id": wrong, "method": "initialize", "params": HELLO}
            answer = await peer.http.post("/mcp", json=body, headers=HEADERS)
            assert "mcp-session-id" not in answer.headers


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_error(store: Any) -> None:
    server, sessions = make_server(store)
    app = sessions.http_app(server)
    messages: list[Any] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []
    headers = [(b"host", b"127.0.0.1:8000"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": headers, "query_string": b""}

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async with app.router.lifespan_context(app):
        await app(scope, receive, send)
    assert sent == []


async def test_middleware_outside_of_authentication_serves_nobody(store: Any, caplog: pytest.LogCaptureFixture) -> None:
    server, sessions = make_server(store, auth=True)
    app = server.streamable_http_app(stateless_http=True, json_response=True)
    wrapped = SessionMiddleware(app, sessions.call)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=wrapped), base_url="http://127.0.0.1:8000") as http,
    ):
        peer = Peer(http)
        bearer = {"authorization": "Bearer app/ann"}
        for headers in (bearer, {}):
            answer = await peer.post("initialize", HELLO, **headers)
            assert answer.status_code == 500
            assert "mcp-session-id" not in answer.headers
        anonymous = await UntypedSession.create(store)
        assert (await peer.remember("a", "mcps-" + "a" * 32, **bearer)).status_code == 500
        assert (await http.delete("/mcp", headers={"mcp-session-id": anonymous.id})).status_code == 500
    assert "stands outside of authentication" in caplog.text
    assert [one.address for one in (await store.scan()).sessions] == [Address("handle", anonymous.id, "session")]


async def test_middleware_between_the_two_halves_of_authentication_serves_nobody(store: Any) -> None:
    server, sessions = make_server(store, auth=True)
    app = server.streamable_http_app(stateless_http=True, json_response=True)
    app.user_middleware.insert(1, Middleware(SessionMiddleware, call=sessions.call))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:8000") as http,
    ):
        answer = await Peer(http).post("initialize", HELLO, authorization="Bearer app/ann")
        assert answer.status_code == 500
    assert (await store.scan()).sessions == ()


async def test_middleware_right_behind_authentication_knows_the_caller(store: Any) -> None:
    server, sessions = make_server(store, auth=True)
    app = server.streamable_http_app(stateless_http=True, json_response=True)
    app.user_middleware.append(Middleware(SessionMiddleware, call=sessions.call))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:8000") as http,
    ):
        peer = Peer(http)
        assert (await peer.post("initialize", HELLO)).status_code == 401
        session_id = await peer.initialize(authorization="Bearer app/ann")
        assert keys_in(await peer.remember("a", session_id, authorization="Bearer app/ann")) == ["a"]


async def test_a_store_is_closed_with_the_last_application_that_uses_it() -> None:
    sessions = Sessions("memory://", schemas=[UntypedSession])
    servers = [MCPServer(name, extensions=[sessions], log_level="WARNING") for name in ("one", "two")]
    first, second = (sessions.http_app(server) for server in servers)
    async with second.router.lifespan_context(second):
        async with first.router.lifespan_context(first):
            session = await UntypedSession.create(sessions.store)
        await session.set("a", 1)
    with pytest.raises(StoreError, match="closed"):
        await session.get("a")


async def test_a_server_that_is_called_from_a_tool_of_another_has_its_own_sessions(store: Any) -> None:
    inner, _ = make_server(MemoryStore())
    server, sessions = make_server(store)

    @server.tool()
    async def remember_elsewhere(key: str) -> list[str]:
        """Keep a key in another server, as its client."""
        async with Client(inner, mode="legacy") as client:
            result = await client.call_tool("remember", {"key": key})
            return list((result.structured_content or {})["result"])

    app = sessions.http_app(server, json_response=True)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:8000") as http,
    ):
        peer = Peer(http)
        session_id = await peer.initialize()
        assert keys_in(await peer.remember("outer", session_id)) == ["outer"]
        assert keys_in(await peer.remember("inner", session_id, "remember_elsewhere")) == ["inner"]
        assert keys_in(await peer.remember("again", session_id)) == ["again", "outer"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"host": "evil.example"}, 421), ({"origin": "http://evil.example"}, 403), ({"content-type": "text/plain"}, 400)],
)
async def test_host_and_origin_are_checked_before_we_answer_anything(
    store: Any, headers: dict[str, str], status: int
) -> None:
    async with serving(store) as peer:
        session_id = await peer.initialize()
        body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        every = {**HEADERS, "mcp-session-id": session_id, **headers}
        assert (await peer.http.post("/mcp", json=body, headers=every)).status_code == status
        if "content-type" not in headers:
            assert (await peer.http.get("/mcp", headers=every)).status_code == status
            assert (await peer.http.delete("/mcp", headers=every)).status_code == status
        assert (await peer.remember("a", session_id)).status_code == 200


async def test_other_hosts_can_be_allowed(store: Any) -> None:
    security = TransportSecuritySettings(allowed_hosts=["mcp.example"])
    async with serving(store, transport_security=security) as peer:
        assert await peer.initialize(host="mcp.example")


async def test_a_body_over_the_limit_is_refused(store: Any) -> None:
    async with serving(store, max_request_body_size=1000) as peer:
        session_id = await peer.initialize()
        assert (await peer.remember("x" * 1000, session_id)).status_code == 413
        assert (await peer.remember("x" * 1000, session_id, origin="http://evil.example")).status_code == 403


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[]", b'"initialize"', b'{"method":"initialize"}', b"[" * 100_000]
)
async def test_a_body_that_is_no_request_is_refused_and_opens_no_session(store: Any, body: bytes) -> None:
    async with serving(store) as peer:
        answer = await peer.http.post("/mcp", content=body, headers=HEADERS)
        assert 400 <= answer.status_code < 500
        assert "mcp-session-id" not in answer.headers


class BrokenStore(MemoryStore):
    """A store that is down while ``down`` is set."""

    down = False

    async def create(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse()
        return await super().create(*args, **kwargs)

    async def touch(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse()
        return await super().touch(*args, **kwargs)

    async def end(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse()
        return await super().end(*args, **kwargs)

    async def look_up(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse()
        return await super().look_up(*args, **kwargs)

    def _refuse(self) -> None:
        if self.down:
            raise StoreError("the store is down")


async def test_a_store_that_is_down_is_a_503_and_the_server_recovers_with_it() -> None:
    store = BrokenStore()
    async with serving(store) as peer:
        session_id = await peer.initialize()
        store.down = True
        for answer in (
            await peer.remember("a", session_id),
            await peer.http.delete("/mcp", headers={"mcp-session-id": session_id}),
            await peer.post(
                "initialize",
                HELLO,
            ),
        ):
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "5"
            assert "mcp-session-id" not in answer.headers
        store.down = False
        assert keys_in(await peer.remember("a", session_id)) == ["a"]


async def test_more_sessions_than_there_may_be_are_a_503(store: Any) -> None:
    limits = Limits(all_sessions=2)
    async with serving(store, limits=limits) as peer:
        first = await peer.initialize()
        await peer.initialize()
        answer = await peer.post("initialize", HELLO)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert "mcp-session-id" not in answer.headers
        assert "Too many sessions" in answer.json()["error"]["message"]
        assert keys_in(await peer.remember("a", first)) == ["a"]
        assert (await peer.http.delete("/mcp", headers={"mcp-session-id": first})).status_code == 204
        await peer.initialize()


async def test_delete_tells_the_hooks_of_all_that_ends_with_the_session(store: Any) -> None:
    server, sessions = make_server(store)
    told: list[Any] = []

    @sessions.on_end(UntypedSession)
    async def over(session: UntypedSession, reason: str) -> None:
        told.append((reason, await session.keys()))

    app = sessions.http_app(server, json_response=True)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:8000") as http,
    ):
        peer = Peer(http)
        session_id = await peer.initialize()
        await peer.remember("a", session_id)
        assert (await http.delete("/mcp", headers={"mcp-session-id": session_id})).status_code == 204
    assert told == [("ended", ["a"])]
