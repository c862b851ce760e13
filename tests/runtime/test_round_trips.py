"""How often a call of a tool asks the store, all together: what a session costs besides the work on its values."""

from typing import Any

import pytest
from mcp import Client
from tests.runtime.resource_server import created, done, make, text
from tests.runtime.test_middleware import MODERN, Peer, serving

pytestmark = pytest.mark.anyio

META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@pytest.fixture
def all_asked(store: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of all operations that the store is asked for, those too that take no access."""
    others: list[str] = []

    def noting(name: str) -> Any:
        real = getattr(store, name)

        async def operation(*args: Any, **kwargs: Any) -> Any:
            others.append(name)
            return await real(*args, **kwargs)

        return operation

    for name in dir(type(store)):
        if (
            not name.startswith("_")
            and name not in ("purge_expired", "aclose", "notices")
            and callable(getattr(store, name))
        ):
            monkeypatch.setattr(store, name, noting(name))
    return others


async def call(peer: Peer, tool: str, **arguments: str) -> Any:
    params = {"name": tool, "arguments": arguments, "_meta": META}
    answer = await peer.post("tools/call", params, mcp_protocol_version=MODERN, mcp_method="tools/call", mcp_name=tool)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]["structuredContent"]


async def test_a_modern_call_with_a_handle_costs_what_its_accessor_does(store: Any, all_asked: list[str]) -> None:
    async with serving(store) as peer:
        handle = (await call(peer, "create_session"))["session"]
        assert all_asked == ["create"]
        all_asked.clear()
        assert (await call(peer, "remember", key="a", session=handle))["result"] == ["a"]
        assert all_asked == ["write", "names"]


async def test_a_legacy_call_costs_the_verification_of_its_session_besides(store: Any, all_asked: list[str]) -> None:
    async with serving(store) as peer:
        session_id = await peer.initialize()
        assert all_asked == ["create"]
        for key in ("begins", "goes on"):
            all_asked.clear()
            await peer.remember(key, session_id)
            assert all_asked == ["touch", "write", "names"]


async def test_a_call_that_uses_no_session_costs_a_modern_client_nothing(store: Any, all_asked: list[str]) -> None:
    async with serving(store) as peer:
        session_id = await peer.initialize()
        all_asked.clear()
        await peer.post("tools/list", {"_meta": META}, mcp_protocol_version=MODERN, mcp_method="tools/list")
        assert all_asked == []
        await peer.post("tools/list", mcp_session_id=session_id)
        assert all_asked == ["touch"]


@pytest.mark.parametrize("resources", [False, True])
async def test_that_sessions_are_resources_costs_no_round_trip(
    store: Any, all_asked: list[str], resources: bool
) -> None:
    server, sessions = make(store, resources=resources)
    async with Client(server) as client:
        handle = await created(client)
        assert all_asked == ["create"]
        all_asked.clear()
        await done(client, "write", key="a", note=handle)
        assert all_asked == ["write"]
        if resources:
            all_asked.clear()
            await text(client, f"session://note/{handle}")
            assert all_asked == ["read"]
            all_asked.clear()
            async with client.listen(resource_subscriptions=[f"session://note/{handle}"]):
                assert all_asked == ["look_up"]
    assert (sessions._used.store if resources else sessions._used).store is store
    await sessions.aclose()
