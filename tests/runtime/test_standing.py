"""The stream that answers a legacy client's GET where it has no connection: whose it is, what is on it, how it ends."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from tests.runtime.resource_server import on_a_socket
from tests.runtime.test_middleware import HEADERS, HELLO, LEGACY, serving

from mcp_sessions import StoreError
from mcp_sessions.resources import places, standing, subscriptions
from mcp_sessions.stores.base import Address
from mcp_sessions.stores.notices import notices_of
from mcp_sessions.stores.notices.board import Board, Kind, topic_of

pytestmark = pytest.mark.anyio

CURRENT = "session://note/current"


class Legacy:
    """A client that knows the protocol's bytes; any of its requests may go to another worker."""

    def __init__(self, http: httpx2.AsyncClient, url: str, token: str = "") -> None:
        self.http = http
        self.url = url
        self.headers = {**HEADERS, "mcp-protocol-version": LEGACY}
        if token:
            self.headers["authorization"] = f"Bearer {token}"

    async def post(self, method: str, params: Any = None, url: str = "") -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        return await self.http.post(url or self.url, json=body, headers=self.headers)

    async def initialize(self) -> None:
        answer = await self.post("initialize", HELLO)
        assert answer.status_code == 200, answer.text
        self.headers["mcp-session-id"] = answer.headers["mcp-session-id"]

    async def ask(self, method: str, params: Any = None, url: str = "") -> Any:
        """Return what is answered, result or error."""
        answer = await self.post(method, params, url)
        data = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")] or [answer.text]
        return json.loads(data[-1])

    async def write(self, key: str, url: str = "") -> None:
        answer = await self.ask("tools/call", {"name": "write", "arguments": {"key": key}}, url)
        assert answer["result"]["isError"] is False, answer

    @asynccontextmanager
    async def listening(self, **headers: str) -> AsyncIterator["Lines"]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.stream("GET", self.url, headers={**self.headers, **named}) as answer:
            yield Lines(answer)


class Lines:
    """What comes in on a stream."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def update(self) -> str | None:
        """Return the URI of the next update; None when the stream has ended."""
        async with asyncio.timeout(30):
            async for line in self._lines:
                if line.startswith("data: "):
                    message = json.loads(line[6:])
                    assert message["method"] == "notifications/resources/updated"
                    assert "id" not in message
                    return str(message["params"]["uri"])
        return None

    async def line(self) -> str:
        async with asyncio.timeout(30):
            return await anext(self._lines)


@asynccontextmanager
async def connected(url: str, token: str = "") -> AsyncIterator[Legacy]:
    async with httpx2.AsyncClient(timeout=30) as http:
        client = Legacy(http, url, token)
        await client.initialize()
        yield client


async def test_a_client_is_told_of_what_it_subscribed_to_before_and_after(store: Any) -> None:
    async with on_a_socket(store) as url, connected(url) as client:
        assert (await client.ask("resources/subscribe", {"uri": CURRENT}))["result"] == {}
        async with client.listening() as stream:
            assert stream.answer.status_code == 200
            assert stream.answer.headers["content-type"] == "text/event-stream"
            assert stream.answer.headers["mcp-session-id"] == client.headers["mcp-session-id"]
            assert await stream.update() == CURRENT  # it may have changed while there was no stream
            await client.write("a")
            assert await stream.update() == CURRENT
            await client.ask("resources/subscribe", {"uri": "weather://today"})
            assert await stream.update() == "weather://today"
        async with client.listening() as stream:
            assert {await stream.update(), await stream.update()} == {CURRENT, "weather://today"}


async def test_a_stream_ends_with_its_session(store: Any) -> None:
    async with on_a_socket(store) as url, connected(url) as client, client.listening() as stream:
        assert (await client.http.delete(url, headers=client.headers)).status_code == 204
        assert await stream.update() is None
        async with client.listening() as again:
            assert again.answer.status_code == 404


async def test_whoever_says_that_a_session_is_over_is_not_believed(store: Any) -> None:
    async with on_a_socket(store) as url, connected(url) as client, client.listening() as stream:
        await client.ask("resources/subscribe", {"uri": CURRENT})
        assert await stream.update() == CURRENT
        stranger = Board(notices_of(store), pause=0.001)
        stranger.post(Kind.OVER, topic_of(Address("transport", client.headers["mcp-session-id"], "")))
        await stranger.aclose()
        for _ in range(2):
            await client.write("a")
            assert await stream.update() == CURRENT


async def test_a_client_that_asks_again_has_lost_the_former_stream(store: Any) -> None:
    async with (
        on_a_socket(store) as url,
        connected(url) as client,
        client.listening() as former,
        client.listening() as stream,
    ):
        assert await former.update() is None
        await client.ask("resources/subscribe", {"uri": CURRENT})
        assert await stream.update() == CURRENT


async def test_a_user_has_so_many_streams(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_STREAMS", 1)
    async with (
        on_a_socket(store, auth=True) as url,
        connected(url, "app/ann") as one,
        connected(url, "app/ann") as two,
        connected(url, "app/bob") as bob,
        bob.listening() as his,
    ):
        assert his.answer.status_code == 200
        async with one.listening(), one.listening() as again:
            assert again.answer.status_code == 200  # in the place of the former
            async with two.listening() as refused:
                assert (refused.answer.status_code, refused.answer.headers["retry-after"]) == (429, "60")
                assert "you have 1 streams open" in (await refused.answer.aread()).decode()
        await _until_served(two)


async def test_a_process_has_so_many_streams(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_STANDING", 1)
    async with on_a_socket(store) as url, connected(url) as one, connected(url) as two:
        async with one.listening(), one.listening() as again:
            assert again.answer.status_code == 200
            async with two.listening() as refused:
                assert (refused.answer.status_code, refused.answer.headers["retry-after"]) == (503, "60")
        await _until_served(two)


async def _until_served(client: Legacy) -> None:
    async with asyncio.timeout(30):
        while True:  # the server learns a moment later that the stream was closed
            async with client.listening() as stream:
                if stream.answer.status_code == 200:
                    return
            await asyncio.sleep(0.01)


async def test_only_the_owner_gets_a_stream(store: Any) -> None:
    async with (
        on_a_socket(store, auth=True) as url,
        connected(url, "app/ann") as ann,
        connected(url, "app/bob") as bob,
    ):
        async with bob.listening(mcp_session_id=ann.headers["mcp-session-id"]) as foreign:
            assert foreign.answer.status_code == 404
        async with bob.listening(mcp_session_id="mcps-" + "a" * 32) as unknown:
            assert unknown.answer.status_code == 404
        async with bob.listening(mcp_session_id="") as missing:
            assert missing.answer.status_code == 400
        async with bob.listening(authorization="Bearer nobody") as stranger:
            assert stranger.answer.status_code == 401
        async with bob.listening(host="evil.example") as forged:
            assert forged.answer.status_code == 421
        async with bob.listening(accept="application/json") as unwilling:
            assert unwilling.answer.status_code == 406


async def test_a_user_is_told_nothing_of_others(store: Any) -> None:
    async with (
        on_a_socket(store, auth=True) as url,
        connected(url, "app/ann") as ann,
        connected(url, "app/bob") as bob,
    ):
        made = await ann.ask("tools/call", {"name": "create_note", "arguments": {}})
        uri = f"session://note/{made['result']['structuredContent']['note']}"
        assert (await ann.ask("resources/subscribe", {"uri": uri}))["result"] == {}
        foreign = (await bob.ask("resources/subscribe", {"uri": uri}))["error"]
        unknown = (await bob.ask("resources/subscribe", {"uri": "session://note/note_" + "a" * 32}))["error"]
        assert (foreign["code"], foreign["message"]) == (unknown["code"], unknown["message"])
        await bob.ask("resources/subscribe", {"uri": CURRENT})
        async with bob.listening() as his, ann.listening() as hers:
            assert (await his.update(), await hers.update()) == (CURRENT, uri)
            await ann.write("a")
            await bob.write("b")
            assert await his.update() == CURRENT


async def test_a_stream_says_something_when_there_is_nothing_to_say(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "PING_SECONDS", 0.01)
    async with on_a_socket(store) as url, connected(url) as client, client.listening() as stream:
        assert await stream.line() == ": ping"


async def test_what_has_ended_is_told_and_forgotten(store: Any) -> None:
    async with on_a_socket(store) as url, connected(url) as client:
        made = await client.ask("tools/call", {"name": "create_note", "arguments": {}})
        handle = made["result"]["structuredContent"]["note"]
        uri = f"session://note/{handle}"
        await client.ask("resources/subscribe", {"uri": uri})
        await client.ask("tools/call", {"name": "end_note", "arguments": {"note": handle}})
        address = Address("transport", client.headers["mcp-session-id"], "#subscriptions")
        async with client.listening() as stream:
            assert await stream.update() == uri
            async with asyncio.timeout(30):
                while (copy := await store.copy_out(address)) is None or copy.values:
                    await asyncio.sleep(0.01)


async def test_a_session_subscribes_to_so_many_resources(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MOST_RESOURCES", 2)
    async with on_a_socket(store) as url, connected(url) as client:
        for uri in ("weather://1", "weather://2", "weather://2"):
            assert (await client.ask("resources/subscribe", {"uri": uri}))["result"] == {}
        refused = await client.ask("resources/subscribe", {"uri": "weather://3"})
        assert refused["error"]["message"] == "you can subscribe to 2 resources: unsubscribe one"
        assert (await client.ask("resources/unsubscribe", {"uri": "weather://1"}))["result"] == {}
        assert (await client.ask("resources/subscribe", {"uri": "weather://3"}))["result"] == {}


async def test_subscriptions_are_kept_no_longer_than_an_mcp_session_that_nobody_uses(store: Any) -> None:
    async with on_a_socket(store, idle="10m") as url, connected(url) as client:
        await client.ask("resources/subscribe", {"uri": CURRENT})
        session, kept = [
            await store.look_up(Address("transport", client.headers["mcp-session-id"], schema))
            for schema in ("", "#subscriptions")
        ]
        assert kept.info.idle == 600
        assert kept.info.expires <= session.info.expires


async def test_a_uri_that_is_too_long_is_refused(store: Any) -> None:
    async with on_a_socket(store) as url, connected(url) as client:
        longest = "weather://" + "ä" * 1019
        assert (await client.ask("resources/subscribe", {"uri": longest}))["result"] == {}
        error = (await client.ask("resources/subscribe", {"uri": longest + "x"}))["error"]
        assert error["code"] == -32602
        assert error["message"] == "the URI of a resource to listen to has 2048 bytes at most; got 2049"


async def test_subscriptions_that_expired_are_begun_anew(store: Any, clock: Any) -> None:
    async with on_a_socket(store, idle="10d") as url, connected(url) as client:
        address = Address("transport", client.headers["mcp-session-id"], "#subscriptions")

        async def subscribe_and_expire(uri: str) -> None:
            assert (await client.ask("resources/subscribe", {"uri": uri}))["result"] == {}
            while await store.look_up(address) is not None:
                clock.advance(24 * 3600)
                await client.ask("tools/list")  # which is no use of them, as a stream is

        await subscribe_and_expire(CURRENT)
        await subscribe_and_expire("weather://today")
        assert (await client.ask("resources/unsubscribe", {"uri": "weather://today"}))["result"] == {}
        async with client.listening() as stream:
            await client.ask("resources/subscribe", {"uri": "weather://tomorrow"})
            assert await stream.update() == "weather://tomorrow"


async def test_a_store_that_fails_is_said_to_without_its_address(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_a_socket(store) as url, connected(url) as client:

        async def fail(*_: Any, **__: Any) -> None:
            raise StoreError("the session store at redis://127.0.0.1:48535 failed")

        monkeypatch.setattr(store, "names", fail)
        monkeypatch.setattr(store, "remove", fail)
        for method in ("resources/subscribe", "resources/unsubscribe"):
            error = (await client.ask(method, {"uri": CURRENT}))["error"]
            assert error["code"] == -32603
            assert error["message"].startswith("The session store failed, and nothing was changed.")
            assert "redis://" not in error["message"]


async def test_a_store_that_fails_for_a_while_is_asked_again(
    store: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(standing, "PING_SECONDS", 0.05)
    async with on_a_socket(store) as url, connected(url) as client:
        await client.ask("resources/subscribe", {"uri": CURRENT})
        real, failures = standing.kept, [StoreError("it is down")]

        async def kept(*arguments: Any) -> Any:
            if failures:
                raise failures.pop()
            return await real(*arguments)

        monkeypatch.setattr(standing, "kept", kept)
        with caplog.at_level(logging.WARNING, "mcp_sessions"):
            async with client.listening() as stream:
                assert await stream.update() == CURRENT
        assert "what a client has subscribed to could not be read, and it is tried again: it is down" in caplog.text


async def test_where_nothing_is_a_resource_there_is_no_stream(store: Any) -> None:
    async with serving(store) as peer:
        session_id = await peer.initialize()
        answer = await peer.http.get("/mcp", headers={**HEADERS, "mcp-session-id": session_id})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST, DELETE")


async def test_other_methods_are_refused(store: Any) -> None:
    async with on_a_socket(store) as url, connected(url) as client:
        answer = await client.http.put(url, headers=client.headers)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST, DELETE")
