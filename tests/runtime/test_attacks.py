"""Ways in that are closed: each test is an attempt on a session that is somebody else's, or that is over."""

import asyncio
from typing import Any

import httpx2
import pytest
from mcp.server import MCPServer
from mcp.server.auth.settings import AuthSettings
from tests.runtime.test_middleware import Peer, Verifier, serving

from mcp_sessions import UntypedSession, owner_of
from mcp_sessions.ids import mint_handle, mint_transport_id
from mcp_sessions.server import Sessions

pytestmark = pytest.mark.anyio

ANN, BOB = "Bearer app/ann", "Bearer app/bob"


async def handle_of(peer: Peer, session_id: str, **headers: str) -> str:
    created = await peer.post("tools/call", {"name": "create_session"}, mcp_session_id=session_id, **headers)
    return str(created.json()["result"]["structuredContent"]["session"])


async def use(peer: Peer, handle: object, session_id: str, **headers: str) -> dict[str, Any]:
    params = {"name": "remember", "arguments": {"key": "a", "session": handle}}
    answer = await peer.post("tools/call", params, mcp_session_id=session_id, **headers)
    assert answer.status_code == 200
    return dict(answer.json()["result"])


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(mint_handle("session"), id="guessed"),
        pytest.param("session_" + "a" * 31, id="too short"),
        pytest.param("session_" + "a" * 100_000, id="over-long"),
        pytest.param("session_" + "A" * 32, id="other letters"),
        pytest.param(mint_handle("brief"), id="prefix of another schema"),
        pytest.param(mint_transport_id(), id="transport id"),
        pytest.param("session_" + "a" * 31 + "\n", id="control character"),
        pytest.param("session_" + "a" * 31 + "\0", id="null byte"),
        pytest.param("session_" + "а" * 32, id="letters that look alike"),  # noqa: RUF001 -- they are the test
        pytest.param("session_%", id="wildcard"),
        pytest.param("' OR 1=1 --", id="injection"),
        pytest.param("", id="empty"),
        pytest.param(["session_" + "a" * 32], id="a list"),
        pytest.param({"$ne": ""}, id="an object"),
        pytest.param(0, id="a number"),
        pytest.param(True, id="a boolean"),
    ],
)
async def test_a_forged_handle_reaches_nothing_and_makes_nothing(store: Any, forged: object) -> None:
    async with serving(store) as peer:
        session_id = await peer.initialize()
        before = (await store.scan()).sessions
        result = await use(peer, forged, session_id)
        if forged == "":  # is none at all, so the client's own session is meant
            assert result["structuredContent"]["result"] == ["a"]
            return
        assert result["isError"]
        assert "there is no such session session" in result["content"][0]["text"]
        assert [one.address for one in (await store.scan()).sessions] == [one.address for one in before]


async def test_a_token_that_was_refreshed_keeps_its_sessions(store: Any) -> None:
    """Two tokens of one user differ in all but client, issuer and subject; here the verifier reads only those."""
    async with serving(store, auth=True) as peer:
        session_id = await peer.initialize(authorization=ANN)
        handle = await handle_of(peer, session_id, authorization=ANN)
        again = await peer.initialize(authorization=ANN)
        assert (await use(peer, handle, again, authorization=ANN))["structuredContent"]["result"] == ["a"]


async def test_a_session_that_was_fixed_before_the_login_is_not_the_users(store: Any) -> None:
    async with serving(store) as open_server:
        planted = await open_server.initialize()
        handle = await handle_of(open_server, planted)
    async with serving(store, auth=True) as peer:
        assert (await peer.remember("a", planted, authorization=ANN)).status_code == 404
        mine = await peer.initialize(authorization=ANN)
        assert (await use(peer, handle, mine, authorization=ANN))["isError"]


async def test_who_is_not_authenticated_does_not_reach_what_has_an_owner(store: Any) -> None:
    async with serving(store, auth=True) as peer:
        session_id = await peer.initialize(authorization=ANN)
        handle = await handle_of(peer, session_id, authorization=ANN)
    async with serving(store) as careless:  # the same store behind a server without authentication
        assert (await careless.remember("a", session_id)).status_code == 404
        assert (await use(careless, handle, await careless.initialize()))["isError"]


async def test_ended_and_expired_handles_say_so_to_their_owner_and_nothing_to_others(store: Any, clock: Any) -> None:
    async with serving(store, auth=True) as peer:
        ann, bob = await peer.initialize(authorization=ANN), await peer.initialize(authorization=BOB)
        ended, expired = [await handle_of(peer, ann, authorization=ANN) for _ in range(2)]
        await peer.post(
            "tools/call",
            {"name": "end_session", "arguments": {"session": ended}},
            mcp_session_id=ann,
            authorization=ANN,
        )
        for seconds in (0.0, 600.0, 600.0, 600.0):
            clock.advance(seconds)
            for session_id, user in ((ann, ANN), (bob, BOB)):
                assert (await peer.remember("x", session_id, authorization=user)).status_code == 200
        unknown = await use(peer, mint_handle("session"), bob, authorization=BOB)
        for handle, word in ((ended, "has been ended"), (expired, "has expired")):
            assert word in (await use(peer, handle, ann, authorization=ANN))["content"][0]["text"]
            assert await use(peer, handle, bob, authorization=BOB) == unknown


async def test_a_tool_in_flight_brings_nothing_back_when_its_session_is_deleted(store: Any) -> None:
    sessions = Sessions(store, schemas=[UntypedSession])
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")
    inside, deleted = asyncio.Event(), asyncio.Event()

    @server.tool()
    async def slow(session: UntypedSession) -> str:
        """Write before and after the session is deleted."""
        await session.set("a", 1)
        inside.set()
        await deleted.wait()
        await session.set("b", 2)
        return "written"

    app = sessions.http_app(server, json_response=True)
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http,
    ):
        peer = Peer(http)
        session_id = await peer.initialize()
        flight = asyncio.create_task(peer.post("tools/call", {"name": "slow"}, mcp_session_id=session_id))
        await asyncio.wait_for(inside.wait(), 30)
        assert (await http.delete("/mcp", headers={"mcp-session-id": session_id})).status_code == 204
        deleted.set()
        result = (await flight).json()["result"]
        assert result["isError"]
        assert "has been ended" in result["content"][0]["text"]
        assert (await store.scan()).sessions == ()


@pytest.mark.parametrize("garbage", ["x y", "a" * 300, "é", "a\tb"])
async def test_a_header_that_no_id_can_be_is_refused(store: Any, garbage: str) -> None:
    async with serving(store) as peer:
        headers = [(b"mcp-session-id", garbage.encode("latin-1"))]
        answer = await peer.http.request("DELETE", "/mcp", headers=headers)
        assert answer.status_code == 400
        assert (await store.scan()).sessions == ()


# The tool that lists


@pytest.fixture
def listing(store: Any) -> tuple[MCPServer, Sessions]:
    class Listed(UntypedSession, name="listed"):
        """Sessions that can be listed."""

    object.__setattr__(Listed.schema, "list_tool", "list_listed")
    sessions = Sessions(store, schemas=[Listed])
    auth = AuthSettings(issuer_url="https://issuer.example", resource_server_url=None, validate_token_resource=False)
    server = MCPServer("test", extensions=[sessions], log_level="WARNING", token_verifier=Verifier(), auth=auth)
    return server, sessions


async def test_a_list_has_the_users_own_sessions_page_by_page(store: Any, listing: Any) -> None:
    server, sessions = listing
    (accessor,) = sessions.schemas
    mine = {(await accessor.create(store, owner=owner_of("app", None, "ann"))).id for _ in range(120)}
    await accessor.create(store, owner=owner_of("app", None, "bob"))
    await accessor.create(store)
    app = sessions.http_app(server, json_response=True)
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http,
    ):
        peer = Peer(http)
        session_id = await peer.initialize(authorization=ANN)
        found: list[dict[str, str]] = []
        cursor: str | None = ""
        while cursor is not None:
            params = {"name": "list_listed", "arguments": {"cursor": cursor} if cursor else {}}
            answer = await peer.post("tools/call", params, mcp_session_id=session_id, authorization=ANN)
            page = answer.json()["result"]["structuredContent"]
            found += page["sessions"]
            cursor = page["cursor"]
        assert len(found) == 120
        assert {one["listed"] for one in found} == mine
        assert found[0]["created"] < found[0]["expires"]


async def test_nobody_gets_a_list_without_being_logged_in(store: Any) -> None:
    class Listed(UntypedSession, name="listed"):
        """Sessions that can be listed."""

    object.__setattr__(Listed.schema, "list_tool", "list_listed")
    await Listed.create(store)
    sessions = Sessions(store, schemas=[Listed])
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")
    app = sessions.http_app(server, json_response=True)
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http,
    ):
        peer = Peer(http)
        session_id = await peer.initialize()
        answer = await peer.post("tools/call", {"name": "list_listed"}, mcp_session_id=session_id)
        result = answer.json()["result"]
        assert result["isError"]
        assert "only a user who is logged in" in result["content"][0]["text"]
