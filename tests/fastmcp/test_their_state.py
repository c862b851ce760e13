"""FastMCP's own state: what the page on moving from it says, tried; these tests fail when FastMCP changes it."""

from typing import Any

import anyio
import httpx2
import pytest
from fastmcp import Client, Context, FastMCP
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier
from fastmcp.server.dependencies import get_session
from fastmcp.server.sessions import Session, SessionId, SessionProvider, UserSession
from key_value.aio.stores.memory import MemoryStore as KeyValueMemory
from tests.fastmcp.servers import told
from tests.fastmcp.test_http import TOKENS, bearer, client_of, modern
from tests.runtime.test_middleware import HELLO, LEGACY, Peer

from mcp_sessions import UntypedSession
from mcp_sessions.fastmcp import FastMCPSessions

pytestmark = pytest.mark.anyio


class Both:
    """Lets two calls go on when both have read, so that the one that writes last wins."""

    def __init__(self) -> None:
        self._arrived = 0
        self._both = anyio.Event()

    async def have_read(self) -> None:
        self._arrived += 1
        if self._arrived == 2:
            self._both.set()
        with anyio.fail_after(20):
            await self._both.wait()


def make_server(*, auth: bool = False, both: Both | None = None, **options: Any) -> FastMCP[Any]:
    server: FastMCP[Any] = FastMCP("test", auth=StaticTokenVerifier(TOKENS) if auth else None, **options)
    server.add_provider(SessionProvider())

    @server.tool
    async def count(ctx: Context) -> int:
        """Count in the state of the context."""
        n = (await ctx.get_state("n") or 0) + 1
        if both is not None:
            await both.have_read()
        await ctx.set_state("n", n)
        return n

    @server.tool
    async def count_in(session_id: SessionId) -> int:
        """Count in a session that an argument names."""
        session = await get_session(session_id)
        n = int(await session.get("n", 0)) + 1
        if both is not None:
            await both.have_read()
        await session.set("n", n)
        return n

    @server.tool
    async def count_of_me(session: UserSession) -> int:
        """Count in the session of the user."""
        n = int(await session.get("n", 0)) + 1
        await session.set("n", n)
        return n

    return server


async def legacy(peer: Peer, session_id: str | None, **headers: str) -> Any:
    named = {} if session_id is None else {"mcp_session_id": session_id}
    params = {"name": "count", "arguments": {}}
    answer = await peer.post("tools/call", params, mcp_protocol_version=LEGACY, **named, **headers)
    return answer.json()["result"]["structuredContent"]["result"] if answer.status_code == 200 else answer.status_code


async def count(peer: Peer, **headers: str) -> Any:
    return (await modern(peer, "count", {}, **headers))["structuredContent"]["result"]


async def begin(peer: Peer, **headers: str) -> str | None:
    answer: httpx2.Response = await peer.post("initialize", HELLO, **headers)
    return answer.headers.get("mcp-session-id")


async def test_state_is_kept_for_a_legacy_client_and_lost_with_each_call_of_a_modern_one() -> None:
    for mode, counted in (("legacy", ["1", "2", "3"]), ("auto", ["1", "1", "1"])):
        async with Client(make_server(), mode=mode) as client:
            assert [await told(client, "count") for _ in range(3)] == counted


async def test_state_is_lost_for_legacy_clients_of_a_stateless_server_unless_they_make_up_an_id() -> None:
    async with client_of(make_server().http_app(stateless_http=True, json_response=True)) as peer:
        assert await begin(peer) is None
        assert [await legacy(peer, None) for _ in range(2)] == [1, 1]
        assert [await legacy(peer, "made-up") for _ in range(2)] == [1, 2]


@pytest.mark.parametrize("stateless", [True, False])
async def test_whoever_sends_the_header_of_another_user_has_their_state(stateless: bool) -> None:
    """The hole: the header is taken as it comes, whoever is logged in."""
    async with client_of(make_server(auth=True).http_app(stateless_http=stateless, json_response=True)) as peer:
        session_id = await begin(peer, **bearer("one")) or "made-up"
        assert await legacy(peer, session_id, **bearer("one")) == 1
        assert await count(peer, mcp_session_id=session_id, **bearer("two")) == 2


@pytest.mark.parametrize("stateless", [True, False])
async def test_served_with_sessions_the_hole_is_closed_and_state_goes_on(stateless: bool) -> None:
    server = make_server(auth=True)
    sessions = FastMCPSessions(schemas=[UntypedSession], tools=False)
    sessions.add_to(server)
    async with client_of(sessions.http_app(server, stateless=stateless, json_response=True)) as peer:
        session_id = await begin(peer, **bearer("one"))
        assert session_id is not None
        assert [await legacy(peer, session_id, **bearer("one")) for _ in range(2)] == [1, 2]
        assert await count(peer, mcp_session_id=session_id, **bearer("two")) == 1
        assert await count(peer, mcp_session_id=session_id, **bearer("one")) == 1
        assert await legacy(peer, session_id, **bearer("two")) == 404
        assert await legacy(peer, session_id, **bearer("one")) == 3


async def test_of_two_calls_at_once_one_is_lost() -> None:
    async with Client(make_server(both=Both()), mode="legacy") as client:
        async with anyio.create_task_group() as calls:
            for _ in range(2):
                calls.start_soon(told, client, "count")
        assert await told(client, "count") == "2"


async def test_of_two_calls_at_once_in_a_session_one_is_lost() -> None:
    async with Client(make_server(both=Both())) as client:
        session_id = await told(client, "create_session")

        async def counting() -> None:
            await told(client, "count_in", session_id=session_id)

        async with anyio.create_task_group() as calls:
            for _ in range(2):
                calls.start_soon(counting)
        assert await told(client, "count_in", session_id=session_id) == "2"


async def test_sessions_and_those_of_users_are_walled_off_from_other_users() -> None:
    async with client_of(make_server(auth=True).http_app(json_response=True)) as peer:
        made = await modern(peer, "create_session", {}, **bearer("one"))
        arguments = {"session_id": made["structuredContent"]["result"]}
        assert (await modern(peer, "count_in", arguments, **bearer("one")))["structuredContent"]["result"] == 1
        assert (await modern(peer, "count_in", arguments, **bearer("two")))["isError"]
        assert (await modern(peer, "count_of_me", {}, **bearer("one")))["structuredContent"]["result"] == 1
        assert (await modern(peer, "count_of_me", {}, **bearer("two")))["structuredContent"]["result"] == 1


async def test_state_is_kept_for_a_day_after_its_last_write_and_sessions_as_long_as_the_store_likes() -> None:
    asked: list[tuple[bool, Any]] = []

    class Watched(KeyValueMemory):
        async def put(self, key: str, value: Any, *, collection: str | None = None, ttl: Any = None) -> None:
            asked.append((key.startswith("session:"), ttl))
            await super().put(key, value, collection=collection, ttl=ttl)

    async with Client(make_server(session_state_store=Watched()), mode="legacy") as client:
        await told(client, "count")
        await told(client, "count_in", session_id=await told(client, "create_session"))
    assert set(asked) == {(False, 24 * 3600), (True, None)}


async def test_a_store_of_its_own_does_not_bring_a_session_back_after_a_restart() -> None:
    kept = KeyValueMemory()
    async with client_of(make_server(session_state_store=kept).http_app(json_response=True)) as peer:
        session_id = await begin(peer)
        assert await legacy(peer, session_id) == 1
    async with client_of(make_server(session_state_store=kept).http_app(json_response=True)) as peer:
        assert await legacy(peer, session_id) == 404


async def test_of_two_calls_that_write_different_keys_of_a_session_one_is_lost() -> None:
    both = Both()
    armed: list[bool] = []

    class Slow(KeyValueMemory):
        async def get(self, key: str, *, collection: str | None = None) -> Any:
            found = await super().get(key, collection=collection)
            if armed:
                await both.have_read()
            return found

    server: FastMCP[Any] = FastMCP("test", session_state_store=Slow())
    server.add_provider(SessionProvider())

    @server.tool
    async def put(key: str, session_id: SessionId) -> str:
        """Set a key."""
        session = Session(store=server._state_store, principal=None, session_id=session_id)
        await session.set(key, True)
        return ""

    @server.tool
    async def keys(session_id: SessionId) -> list[str]:
        """Return which keys are set."""
        session = await get_session(session_id)
        return [key for key in ("a", "b") if await session.get(key)]

    async with Client(server) as client:
        session_id = await told(client, "create_session")

        async def putting(key: str) -> None:
            await told(client, "put", key=key, session_id=session_id)

        armed.append(True)
        async with anyio.create_task_group() as calls:
            for key in ("a", "b"):
                calls.start_soon(putting, key)
        armed.clear()
        assert await told(client, "keys", session_id=session_id) in ('["a"]', '["b"]')


async def test_values_of_any_size_are_kept() -> None:
    server = make_server()

    @server.tool
    async def fill(ctx: Context, session_id: SessionId) -> int:
        """Keep as much as nobody should."""
        await ctx.set_state("all", "x" * 32_000_000)
        session = await get_session(session_id)
        await session.set("all", "x" * 32_000_000)
        return len(await ctx.get_state("all")) + len(await session.get("all"))

    async with Client(server, mode="legacy") as client:
        assert await told(client, "fill", session_id=await told(client, "create_session")) == "64000000"


async def test_which_tools_a_session_sees_is_kept_in_that_state_and_goes_on_with_sessions() -> None:
    server = make_server()

    @server.tool
    async def hide(ctx: Context) -> str:
        """Hide another tool from this session."""
        await ctx.disable_components(names={"count"})
        return ""

    sessions = FastMCPSessions(schemas=[UntypedSession], tools=False)
    sessions.add_to(server)
    async with Client(server, mode="legacy") as one, Client(server, mode="legacy") as two:
        await told(one, "hide")
        assert "count" not in {tool.name for tool in await one.list_tools()}
        assert "count" in {tool.name for tool in await two.list_tools()}
