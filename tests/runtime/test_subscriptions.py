"""Who is told that session state has changed, in both eras of the protocol; and who is not."""

import asyncio
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from mcp import Client
from mcp.client.subscriptions import ResourceUpdated
from mcp.server import MCPServer
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourcesListChanged, ToolsListChanged
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp_types import INVALID_PARAMS
from tests.runtime.resource_server import (
    Note,
    Updates,
    as_user,
    created,
    done,
    make,
    next_of,
    on_a_socket,
    serving_on_a_socket,
)

from mcp_sessions import StoreError
from mcp_sessions.resources import places, subscriptions
from mcp_sessions.resources.bus import Stream
from mcp_sessions.server import Sessions
from mcp_sessions.stores import Address, MemoryStore
from mcp_sessions.stores.base import Listed, Page
from mcp_sessions.stores.notices import LocalNotices
from mcp_sessions.stores.notices.board import Board, Kind, topic, topic_of

pytestmark = pytest.mark.anyio

UNKNOWN = "session://note/note_" + "a" * 32


@pytest.fixture(autouse=True)
def legacy_methods() -> Iterator[None]:
    """The SDK's client warns of what only the legacy era has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        yield


async def quiet(told: Any) -> bool:
    """Tell whether nothing is told for some time; what would be told takes far less."""
    try:
        async with asyncio.timeout(0.3):
            await told
    except TimeoutError:
        return True
    return False


# Revision 2026-07-28


async def test_a_stream_tells_of_each_kind_of_change_and_of_the_end(store: Any) -> None:
    server, sessions = make(store)
    async with Client(server) as client:
        handle = await created(client)
        uri = f"session://note/{handle}"
        async with client.listen(resource_subscriptions=[uri]) as stream:
            assert stream.honored.resource_subscriptions == [uri]
            session = Note.open(sessions._used, handle)
            changes: list[Any] = [
                lambda: session.set("a", 1),
                lambda: session.update("a", lambda a: 2),
                lambda: session.take("a"),
                lambda: session.set("a", 1),
                lambda: session.remove("a"),
                lambda: session.transact(lambda draft: draft.update(b=1)),
                session.clear,
                session.end,
            ]
            for change in changes:
                await change()
                assert await next_of(stream) == ResourceUpdated(uri)
    await sessions.aclose()


async def test_after_the_end_nothing_more_is_told(store: Any) -> None:
    server, sessions = make(store)
    async with Client(server) as client:
        uri = f"session://note/{await created(client)}"
        async with client.listen(resource_subscriptions=[uri]) as stream:
            await done(client, "end_note", note=uri.rpartition("/")[2])
            assert await next_of(stream) == ResourceUpdated(uri)
            async with asyncio.timeout(30):  # the store is asked whether it is true
                while _topic_of(uri) in sessions._offered.board._watchers:
                    await asyncio.sleep(0.01)
    await sessions.aclose()


async def test_whoever_says_that_a_session_is_over_is_not_believed(store: Any) -> None:
    server, sessions = make(store)
    async with Client(server) as client:
        uri = f"session://note/{await created(client)}"
        async with client.listen(resource_subscriptions=[uri]) as stream:
            for _ in range(2):
                sessions._offered.board._hear(b"stranger\x03" + _topic_of(uri))
                assert await next_of(stream) == ResourceUpdated(uri)
            await done(client, "write", key="a", note=uri.rpartition("/")[2])
            assert await next_of(stream) == ResourceUpdated(uri)
    await sessions.aclose()


def _topic_of(uri: str) -> bytes:
    return topic_of(Address("handle", uri.rpartition("/")[2], "note"))


async def test_an_expiry_is_told_when_it_is_noticed(store: Any, clock: Any) -> None:
    server, sessions = make(store, idle="10m")
    async with Client(server) as client:
        uri = f"session://note/{await created(client)}"
        async with client.listen(resource_subscriptions=[uri]) as stream:
            clock.advance(700)
            assert await sessions.purge() == 1
            assert await next_of(stream) == ResourceUpdated(uri)
    await sessions.aclose()


async def test_an_eviction_is_told(store: Any) -> None:
    server, sessions = make(store)
    async with Client(server) as client:
        uri = f"session://note/{await created(client)}"
        async with client.listen(resource_subscriptions=[uri]) as stream:
            await sessions.end(uri.rpartition("/")[2])
            assert await next_of(stream) == ResourceUpdated(uri)
    await sessions.aclose()


async def test_many_changes_at_once_are_told_once(store: Any) -> None:
    server, sessions = make(store)
    async with Client(server) as client:
        uri = f"session://note/{await created(client)}"
        async with client.listen(resource_subscriptions=[uri]) as stream:
            session = Note.open(sessions._used, uri.rpartition("/")[2])
            events = []

            async def collect() -> None:
                async for event in stream:
                    events.append(event)

            collecting = asyncio.create_task(collect())
            async with asyncio.timeout(30):
                for number in range(500):
                    await session.set("a", number)
                while not events:
                    await asyncio.sleep(0.01)
            collecting.cancel()
            assert 1 <= len(events) < 100
    await sessions.aclose()


async def test_a_client_that_reads_nothing_has_each_event_wait_once() -> None:
    board = Board(LocalNotices(), pause=0.001)
    stream, waiting = Stream(board), []
    stream.open(waiting.append)
    stream.watch("a", topic("a"), ResourceUpdated("a"))
    stream.watch("b", topic("b"), ResourceUpdated("b"))
    for _ in range(1000):
        board._deliver({topic("a"): Kind.CHANGED, topic("b"): Kind.UNSURE})
    assert waiting == [ResourceUpdated("a"), ResourceUpdated("b")]
    stream.sent(ResourceUpdated("a"))
    board._deliver({topic("a"): Kind.CHANGED, topic("b"): Kind.CHANGED})
    assert waiting[2:] == [ResourceUpdated("a")]
    stream.close()
    board._deliver({topic("a"): Kind.CHANGED})
    assert len(waiting) == 3
    await board.aclose()


async def test_nobody_is_told_of_other_sessions(store: Any) -> None:
    server, sessions = make(store)
    async with Client(server) as client:
        mine, other = await created(client), await created(client)
        async with client.listen(resource_subscriptions=[f"session://note/{mine}"]) as stream:
            await done(client, "write", key="a", note=other)
            await done(client, "write", key="a", note=mine)
            assert await next_of(stream) == ResourceUpdated(f"session://note/{mine}")
            assert await quiet(anext(stream))
    await sessions.aclose()


async def test_what_one_could_not_read_is_not_acknowledged(store: Any) -> None:
    server, sessions = make(store)
    async with Client(server) as client:
        handle = await created(client)
        await done(client, "end_note", note=handle)
        wanted = [
            UNKNOWN,
            f"session://note/{handle}",
            "session://note/current",
            "session://mine/current",
            "weather://x",
        ]
        async with client.listen(resource_subscriptions=wanted) as stream:
            assert stream.honored.resource_subscriptions == ["weather://x"]
    await sessions.aclose()


async def test_strangers_learn_nothing(store: Any) -> None:
    async with on_a_socket(store, auth=True) as url, as_user(url, "app/ann") as ann, as_user(url, "app/bob") as bob:
        uri = f"session://note/{await created(ann)}"
        wanted = [uri, UNKNOWN, "session://mine/current"]
        async with (
            ann.listen(resource_subscriptions=wanted, resources_list_changed=True) as hers,
            bob.listen(resource_subscriptions=wanted, resources_list_changed=True) as his,
        ):
            assert hers.honored.resource_subscriptions == [uri, "session://mine/current"]
            assert his.honored.resource_subscriptions == ["session://mine/current"]
            await done(ann, "write", key="a", note=uri.rpartition("/")[2])
            assert await next_of(hers) == ResourceUpdated(uri)
            await done(ann, "write_mine", key="a")
            assert await next_of(hers) == ResourceUpdated("session://mine/current")
            await created(ann)
            assert await next_of(hers) == ResourcesListChanged()
            await done(bob, "write_mine", key="a")
            assert await next_of(his) == ResourceUpdated("session://mine/current")
            assert await quiet(anext(his))
            assert await quiet(anext(hers))


async def test_the_servers_own_events_are_on_the_same_stream(store: Any) -> None:
    server, sessions = make(store)
    async with (
        Client(server) as client,
        client.listen(resource_subscriptions=["weather://today"], tools_list_changed=True) as stream,
    ):
        await done(client, "announce", uri="weather://today")
        assert {await next_of(stream), await next_of(stream)} == {
            ResourceUpdated("weather://today"),
            ToolsListChanged(),
        }
        await done(client, "announce", uri="weather://tomorrow")
        assert await next_of(stream) == ToolsListChanged()
    await sessions.aclose()


async def test_a_stream_listens_to_so_many_resources(store: Any) -> None:
    server, sessions = make(store)
    async with Client(server) as client:
        with pytest.raises(MCPError, match="a stream can listen to 100 resources; got 101"):
            async with client.listen(resource_subscriptions=[f"weather://{number}" for number in range(101)]):
                pass
    await sessions.aclose()


async def test_a_uri_that_is_too_long_is_refused(store: Any) -> None:
    server, sessions = make(store)
    uri = "weather://" + "x" * 2039
    async with Client(server) as client:
        with pytest.raises(MCPError, match="has 2048 bytes at most; got 2049") as raised:
            async with client.listen(resource_subscriptions=["weather://today", uri]):
                pass
        assert raised.value.error.code == INVALID_PARAMS
    async with Client(server, mode="legacy") as client:
        with pytest.raises(MCPError, match="has 2048 bytes at most; got 2049") as raised:
            await client.subscribe_resource(uri)
        assert raised.value.error.code == INVALID_PARAMS
    await sessions.aclose()


async def test_a_user_has_so_many_streams(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_STREAMS", 1)
    async with on_a_socket(store, auth=True) as url, as_user(url, "app/ann") as ann, as_user(url, "app/bob") as bob:
        async with ann.listen(tools_list_changed=True), bob.listen(tools_list_changed=True):
            with pytest.raises(MCPError, match="you have 1 streams open"):
                async with ann.listen(tools_list_changed=True):
                    pass
        async with asyncio.timeout(30):
            while True:  # the server learns a moment later that the stream was closed
                try:
                    async with ann.listen(tools_list_changed=True):
                        return
                except MCPError:
                    await asyncio.sleep(0.01)


async def test_a_server_without_the_bus_promises_nothing(caplog: pytest.LogCaptureFixture) -> None:
    sessions = Sessions("memory://", schemas=[Note], resources=True)
    server = MCPServer("test", extensions=[sessions], subscriptions=InMemorySubscriptionBus(), log_level="WARNING")
    sessions.attach(server)
    assert "make the server with MCPServer(..., subscriptions=sessions.bus)" in caplog.text
    async with Client(server) as client:
        uri = f"session://note/{await created(client)}"
        async with client.listen(resource_subscriptions=[uri], tools_list_changed=True) as stream:
            assert stream.honored.resource_subscriptions is None
            assert stream.honored.tools_list_changed
    await sessions.aclose()


async def test_the_bus_serves_without_the_middleware_too() -> None:
    sessions = Sessions("memory://", schemas=[Note], resources=True)
    server = MCPServer("test", subscriptions=sessions.bus, log_level="WARNING")

    @server.tool()
    async def change() -> str:
        """Publish."""
        await sessions.bus.publish(ResourceUpdated("weather://today"))
        await sessions.bus.publish(ToolsListChanged())
        return "changed"

    async with (
        Client(server) as client,
        client.listen(resource_subscriptions=["weather://today"], tools_list_changed=True) as stream,
    ):
        await done(client, "change")
        assert {await next_of(stream), await next_of(stream)} == {
            ResourceUpdated("weather://today"),
            ToolsListChanged(),
        }
    await sessions.aclose()


# Revisions up to 2025-11-25


async def test_a_legacy_client_is_notified_of_its_state_and_of_handles(store: Any) -> None:
    server, sessions = make(store)
    updates = Updates()
    async with Client(server, mode="legacy", message_handler=updates) as client:
        assert client.server_capabilities.resources is not None
        assert client.server_capabilities.resources.subscribe
        uri = f"session://note/{await created(client)}"
        for subscribed in ("session://note/current", uri):
            await client.subscribe_resource(subscribed)
        await done(client, "write", key="a")
        assert await updates.wait() == ["session://note/current"]
        await done(client, "write", key="a", note=uri.rpartition("/")[2])
        assert (await updates.wait(2))[1:] == [uri]
        await client.unsubscribe_resource(uri)
        await client.unsubscribe_resource(uri)
        await done(client, "write", key="b", note=uri.rpartition("/")[2])
        await done(client, "write", key="b")
        assert (await updates.wait(3))[2:] == ["session://note/current"]
    await sessions.aclose()


async def test_the_fixed_uri_goes_on_when_the_state_begins_anew(store: Any) -> None:
    server, sessions = make(store)
    updates = Updates()
    async with Client(server, mode="legacy", message_handler=updates) as client:
        await client.subscribe_resource("session://note/current")
        await done(client, "write", key="a")
        await updates.wait()
        await done(client, "end_note_here")
        await updates.wait(2)
        await done(client, "write", key="b")
        assert await updates.wait(3) == ["session://note/current"] * 3
    await sessions.aclose()


async def test_one_connection_is_not_told_of_anothers_state(store: Any) -> None:
    server, sessions = make(store)
    ones, others = Updates(), Updates()
    async with (
        Client(server, mode="legacy", message_handler=ones) as one,
        Client(server, mode="legacy", message_handler=others) as other,
    ):
        await one.subscribe_resource("session://note/current")
        await other.subscribe_resource("session://note/current")
        await done(one, "write", key="a")
        assert await ones.wait() == ["session://note/current"]
        assert await quiet(others.wait())
    await sessions.aclose()


async def test_what_a_legacy_client_could_not_read_is_refused(store: Any) -> None:
    server, sessions = make(store)
    async with Client(server, mode="legacy") as client:
        handle = await created(client)
        await done(client, "end_note", note=handle)
        for uri in (UNKNOWN, f"session://note/{handle}", "session://mine/current"):
            with pytest.raises(MCPError, match="there is no such session") as raised:
                await client.subscribe_resource(uri)
            assert raised.value.error.data == {"uri": uri}
    await sessions.aclose()


async def test_a_legacy_client_can_subscribe_to_the_servers_own_resources(store: Any) -> None:
    server, sessions = make(store)
    updates = Updates()
    async with Client(server, mode="legacy", message_handler=updates) as client:
        await client.subscribe_resource("weather://today")
        await done(client, "announce", uri="weather://today")
        assert await updates.wait() == ["weather://today"]
    await sessions.aclose()


async def test_a_connection_subscribes_to_so_many_resources(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MOST_RESOURCES", 2)
    server, sessions = make(store)
    async with Client(server, mode="legacy") as client:
        for uri in ("weather://1", "weather://2", "weather://2"):
            await client.subscribe_resource(uri)
        with pytest.raises(MCPError, match="you can subscribe to 2 resources: unsubscribe one"):
            await client.subscribe_resource("weather://3")
        await client.unsubscribe_resource("weather://1")
        await client.subscribe_resource("weather://3")
    await sessions.aclose()


async def test_nothing_is_watched_any_more_when_clients_have_left(store: Any) -> None:
    server, sessions = make(store)
    async with Client(server, mode="legacy") as legacy, Client(server) as modern:
        uri = f"session://note/{await created(modern)}"
        await legacy.subscribe_resource(uri)
        async with modern.listen(resource_subscriptions=[uri]):
            assert sessions._offered.board._watchers
    async with asyncio.timeout(30):
        while sessions._offered.board._watchers:
            await asyncio.sleep(0.01)
    await sessions.aclose()


@pytest.mark.parametrize("stateless", [True, False])
async def test_over_http_a_legacy_client_is_notified_in_both_modes(store: Any, stateless: bool) -> None:
    updates = Updates()
    async with (
        on_a_socket(store, stateless=stateless) as url,
        Client(url, mode="legacy", message_handler=updates) as client,
    ):
        assert client.server_capabilities.resources is not None
        assert client.server_capabilities.resources.subscribe
        uri = f"session://note/{await created(client)}"
        for subscribed in ("session://note/current", uri, "weather://today"):
            await client.subscribe_resource(subscribed)
        with pytest.raises(MCPError, match="there is no such session"):
            await client.subscribe_resource(UNKNOWN)
        if stateless:  # the worker that has the stream learns of subscriptions a moment later
            assert set(await updates.wait(3)) == {"session://note/current", uri, "weather://today"}
            updates.clear()
        await done(client, "write", key="a")
        assert await updates.wait() == ["session://note/current"]
        await done(client, "announce", uri="weather://today")
        assert (await updates.wait(2))[1:] == ["weather://today"]
        await done(client, "write", key="a", note=uri.rpartition("/")[2])
        assert (await updates.wait(3))[2:] == [uri]
        updates.clear()
        await done(client, "end_note", note=uri.rpartition("/")[2])
        assert await updates.wait() == [uri]
        await client.unsubscribe_resource("session://note/current")
        async with asyncio.timeout(30):
            while True:  # what was under way is told still
                updates.clear()
                await done(client, "write", key="b")
                if await quiet(updates.wait()):
                    return


async def test_a_server_that_is_served_in_another_way_promises_nothing_over_http() -> None:
    server, sessions = make(MemoryStore())
    app = server.streamable_http_app(stateless_http=True, host="127.0.0.1")
    async with serving_on_a_socket(app) as url, Client(url, mode="legacy") as client:
        assert client.server_capabilities.resources is not None
        assert not client.server_capabilities.resources.subscribe
        with pytest.raises(MCPError, match="this server has no way to send you notifications"):
            await client.subscribe_resource("weather://today")
        assert not (await client.call_tool("announce", {"uri": "weather://today"})).is_error
    await sessions.aclose()


async def test_over_http_a_modern_client_is_told_in_both_modes(store: Any) -> None:
    for stateless in (True, False):
        async with on_a_socket(store, stateless=stateless) as url, Client(url) as client:
            uri = f"session://note/{await created(client)}"
            async with client.listen(resource_subscriptions=[uri]) as stream:
                await done(client, "write", key="a", note=uri.rpartition("/")[2])
                assert await next_of(stream) == ResourceUpdated(uri)


async def test_malformed_requests_are_refused_by_the_sdk(store: Any) -> None:
    server, sessions = make(store)
    async with Client(server, mode="legacy") as client:
        with pytest.raises(MCPError):
            await client.session._dispatcher.send_raw_request("resources/subscribe", {})
    async with Client(server) as client:
        with pytest.raises(MCPError):
            await client.session._dispatcher.send_raw_request("subscriptions/listen", {"notifications": 7})
    await sessions.aclose()


class Failing(MemoryStore):
    """A store whose server is down from some moment on."""

    is_down = False

    async def look_up(self, address: Address) -> Listed | None:
        self._fail()
        return await super().look_up(address)

    async def scan(self, **wanted: Any) -> Page:
        self._fail()
        return await super().scan(**wanted)

    def _fail(self) -> None:
        if self.is_down:
            raise StoreError("the session store at redis://127.0.0.1:48535 failed")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_no_client_learns_where_a_store_is_that_fails(mode: str) -> None:
    store = Failing()
    async with (
        on_a_socket(store, auth=True, stateless=mode == "auto") as url,
        as_user(url, "app/ann", mode=mode) as client,
    ):
        uri = f"session://note/{await created(client)}"
        store.is_down = True

        async def listen() -> None:
            async with client.listen(resource_subscriptions=[uri]):
                pass

        for ask in (client.list_resources, listen if mode == "auto" else partial(client.subscribe_resource, uri)):
            with pytest.raises(MCPError, match="The session store failed, and nothing was changed") as raised:
                await ask()
            assert "redis://" not in str(raised.value)
        store.is_down = False
