"""Stateful mode over HTTP in memory: the SDK's sessions in the store, and what a client gets that lost its stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from mcp.server.mcpserver import Context
from pydantic import BaseModel
from starlette.applications import Starlette
from tests.runtime.streaming import HELLO, Wire
from tests.runtime.test_middleware import BrokenStore, make_server

from mcp_sessions import StoreError, UntypedSession, owner_of, reaping, sdk
from mcp_sessions.events import EVENTS_SCHEMA
from mcp_sessions.legacy import HANDSHAKE_SECONDS
from mcp_sessions.observing import ObservingMiddleware
from mcp_sessions.stores import Access, MemoryStore, NotLiveError
from mcp_sessions.stores.base import NO_LIMITS, TRANSPORT_SCHEMA, Address, Limits

pytestmark = pytest.mark.anyio


class Answer(BaseModel):
    word: str


class Scene:
    """An application in stateful mode, and the gate that its slow tool waits at."""

    def __init__(self, store: Any, *, auth: bool = False, limits: Limits = NO_LIMITS, **options: Any) -> None:
        self.store = store
        self.gate = asyncio.Event()
        self.server, self.sessions = make_server(store, auth=auth, limits=limits)
        self.server.add_tool(self.count)
        self.server.add_tool(self.question)
        self.app: Starlette = self.sessions.http_app(self.server, stateless=False, **options)

    async def count(self, ctx: Context, session: UntypedSession) -> str:
        """Count to three, and wait after one."""
        await ctx.report_progress(1)
        await self.gate.wait()
        await ctx.report_progress(2)
        await ctx.report_progress(3)
        await session.set("counted", True)
        return "done"

    async def question(self, ctx: Context, session: UntypedSession) -> list[str]:
        """Ask for a word and keep it."""
        answer = await ctx.elicit("Which word?", Answer)
        assert answer.action == "accept"
        await session.set(answer.data.word, True)
        return await session.keys()

    def wire(self, **headers: str) -> Wire:
        return Wire(self.app, **headers)

    async def has_ended(self, session_id: str) -> bool:
        try:
            await self.store.touch(Access(Address("transport", session_id, TRANSPORT_SCHEMA)))
        except NotLiveError:
            return True
        return False


@asynccontextmanager
async def playing(*scenes: Scene) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for scene in scenes:
            await stack.enter_async_context(scene.app.router.lifespan_context(scene.app))
        yield


async def begin_counting(wire: Wire) -> tuple[Any, str]:
    """Call the slow tool; return the exchange and the id of the event that told of one."""
    params = {"name": "count", "arguments": {}, "_meta": {"progressToken": "t"}}
    exchange = await wire.post("tools/call", params)
    priming = await exchange.event()
    assert priming is not None
    assert priming["data"] == ""
    assert priming["id"]
    first = await exchange.event()
    assert first is not None
    assert json.loads(first["data"])["params"]["progress"] == 1
    return exchange, first["id"]


async def all_stored(scene: Scene, session_id: str) -> None:
    """Wait until the answer of the slow tool is in the store."""
    access = Access(Address("transport", session_id, EVENTS_SCHEMA))
    while not any(b"done" in value for value in (await scene.store.read(access)).values()):
        await asyncio.sleep(0.005)


def told(events: list[dict[str, str]]) -> list[Any]:
    """Return what events say: a number of progress, or the text of the answer."""
    said: list[Any] = []
    for event in events:
        if event.get("data"):
            message = json.loads(event["data"])
            progress = message.get("params", {}).get("progress")
            said.append(message["result"]["content"][0]["text"] if progress is None else progress)
    return said


async def test_state_without_a_handle_belongs_to_the_sdks_session(store: Any) -> None:
    scene = Scene(store)
    async with playing(scene):
        one, two = scene.wire(), scene.wire()
        first = await one.initialize()
        await two.initialize()
        assert (await one.call("remember", key="a"))["structuredContent"]["result"] == ["a"]
        assert (await one.call("remember", key="b"))["structuredContent"]["result"] == ["a", "b"]
        assert (await two.call("remember", key="c"))["structuredContent"]["result"] == ["c"]
        addresses = {one.address for one in (await store.scan(schema="session")).sessions}
        assert Address("transport", first, "session") in addresses


async def test_delete_ends_the_session_and_all_that_it_held_and_tells_the_hooks(store: Any) -> None:
    scene = Scene(store)
    told: list[str] = []

    @scene.sessions.on_end(UntypedSession)
    async def over(session: UntypedSession, reason: str) -> None:
        told.append(reason)

    async with playing(scene):
        wire = scene.wire()
        session_id = await wire.initialize()
        await wire.call("remember", key="a")
        assert (await wire.ask("DELETE")).status == 200
        assert told == ["ended"]
        assert (await store.scan()).sessions == ()
        assert (await wire.ask("DELETE")).status == 404
        assert (await wire.post("ping")).status == 404
        assert await scene.has_ended(session_id)


async def test_a_session_that_is_gone_from_the_store_is_gone(store: Any) -> None:
    scene = Scene(store)
    async with playing(scene):
        wire, other = scene.wire(), scene.wire()
        session_id = await wire.initialize()
        await other.initialize()
        stream = await wire.ask("GET")
        assert stream.status == 200
        await store.end(Access(Address("transport", session_id, TRANSPORT_SCHEMA)))
        assert (await wire.post("ping")).status == 404
        assert await stream.events() == []  # the SDK has closed it: its session is over too
        assert (await other.post("ping")).status == 200


async def test_an_abandoned_handshake_is_held_only_briefly_and_a_used_session_as_long_as_the_sdk_does(
    store: Any, clock: Any
) -> None:
    scene = Scene(store, session_idle_timeout=3600)
    async with playing(scene):
        wire, abandoned = scene.wire(), scene.wire()
        await wire.initialize()
        abandoned.headers["mcp-session-id"] = (await abandoned.post("initialize", HELLO)).headers["mcp-session-id"]
        clock.advance(HANDSHAKE_SECONDS * 1.1)
        assert (await abandoned.post("ping")).status == 404
        clock.advance(3500 - HANDSHAKE_SECONDS)
        assert (await wire.post("ping")).status == 200
        clock.advance(3700)
        assert (await wire.post("ping")).status == 404


async def test_what_was_abandoned_or_revoked_holds_no_session_of_the_sdk(
    store: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor a stream, which the SDK would keep open for ever."""
    monkeypatch.setattr(reaping, "REAP_SECONDS", 0.02)
    scene = Scene(store, auth=True)
    async with playing(scene):
        ann, bob = scene.wire(authorization="Bearer app/ann"), scene.wire(authorization="Bearer app/bob")
        ids = [await ann.initialize(), await bob.initialize()]
        abandoned = (await scene.wire(authorization="Bearer app/ann").post("initialize", HELLO)).headers
        stream = await ann.ask("GET")
        await bob.call("remember", key="a")
        await asyncio.sleep(0.1)
        manager = scene.server.session_manager
        assert sorted(sdk.sessions_of(manager)) == sorted([*ids, abandoned["mcp-session-id"]])
        assert await scene.sessions.end_all(owner_of("app", None, "ann")) == 2
        assert await asyncio.wait_for(stream.events(), 30) == []  # it is closed
        while len(sdk.sessions_of(manager)) > 1:
            await asyncio.sleep(0.01)
        assert sdk.sessions_of(manager) == [ids[1]]
        assert (await bob.call("remember", key="b"))["structuredContent"]["result"] == ["a", "b"]
        await scene.wire(authorization="Bearer app/bob").post("initialize", HELLO)
        clock.advance(HANDSHAKE_SECONDS * 1.1)
        await bob.call("remember", key="b")
        await asyncio.sleep(0.1)
        assert sdk.sessions_of(manager) == [ids[1]]


async def test_a_store_that_fails_ends_no_session_of_the_sdk(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reaping, "REAP_SECONDS", 0.02)
    scene = Scene(store := BrokenStore())
    async with playing(scene):
        session_id = await scene.wire().initialize()
        store.down = True
        await asyncio.sleep(0.2)
        assert sdk.sessions_of(scene.server.session_manager) == [session_id]
    assert "looking for sessions that are over failed" in caplog.text


async def test_as_many_sessions_as_the_sdk_may_keep_are_a_503_that_says_when_to_come_again(store: Any) -> None:
    scene = Scene(store, max_sessions=1)
    async with playing(scene):
        await scene.wire().initialize()
        answer = await scene.wire().post("initialize", HELLO)
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")


async def test_a_404_of_the_sdk_leaves_the_record_alone(store: Any) -> None:
    here, there = Scene(store), Scene(store)
    async with playing(here, there):
        wire = here.wire()
        await wire.initialize()
        await wire.call("remember", key="a")
        stray = Wire(there.app, **wire.headers)
        assert (await stray.post("ping")).status == 404
        assert (await stray.ask("DELETE")).status == 404
        assert (await stray.ask("GET")).status == 404
        assert (await wire.call("remember", key="b"))["structuredContent"]["result"] == ["a", "b"]


async def test_a_session_is_its_owners_alone(store: Any) -> None:
    scene = Scene(store, auth=True)
    async with playing(scene):
        ann = scene.wire(authorization="Bearer app/ann")
        session_id = await ann.initialize()
        exchange, last = await begin_counting(ann)
        await exchange.leave()
        scene.gate.set()
        for stranger in ("Bearer app/bob", "Bearer other/ann"):
            bob = scene.wire(authorization=stranger, **{"mcp-session-id": session_id})
            assert (await bob.post("ping")).status == 404
            assert (await bob.ask("DELETE")).status == 404
            assert (await bob.ask("GET", last_event_id=last)).status == 404
        assert (await scene.wire(**{"mcp-session-id": session_id}).post("ping")).status == 401
        assert (await ann.call("remember", key="a"))["structuredContent"]["result"] == ["a", "counted"]


async def test_an_id_is_refused_as_in_stateless_mode(store: Any) -> None:
    scene = Scene(store)
    async with playing(scene):
        wire = scene.wire()
        for wrong, status in (("", 400), ("a b", 400), ("x" * 257, 400), ("a" * 32, 404), ("mcps-" + "a" * 32, 404)):
            assert (await wire.post("ping", mcp_session_id=wrong)).status == status
            assert (await wire.ask("DELETE", mcp_session_id=wrong)).status == status
        assert (await wire.post("ping")).status == 400
        assert (await wire.ask("GET")).status == 400
        assert (await store.scan()).sessions == ()


async def test_the_server_asks_the_client_in_the_middle_of_a_call(store: Any) -> None:
    scene = Scene(store)
    async with playing(scene):
        wire = scene.wire()
        await wire.initialize()
        exchange = await wire.post("tools/call", {"name": "question", "arguments": {}})
        await exchange.event()
        asked = json.loads((await exchange.event() or {})["data"])
        assert asked["method"] == "elicitation/create"
        reply = {"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept", "content": {"word": "milk"}}}
        assert (await wire.send(reply)).status == 202
        [answer] = await exchange.events()
        assert json.loads(answer["data"])["result"]["structuredContent"] == {"result": ["milk"]}


async def test_a_stream_that_broke_is_resumed_without_loss_or_repetition(store: Any) -> None:
    scene = Scene(store)
    async with playing(scene):
        wire = scene.wire()
        session_id = await wire.initialize()
        exchange, last = await begin_counting(wire)
        await exchange.leave()
        scene.gate.set()
        await all_stored(scene, session_id)
        resumed = await wire.ask("GET", last_event_id=last)
        assert resumed.status == 200
        events = await resumed.events()
        assert told(events) == [2, 3, "done"]
        again = await wire.ask("GET", last_event_id=events[0]["id"])
        assert told(await again.events()) == [3, "done"]
        nothing = await wire.ask("GET", last_event_id=events[-1]["id"])
        assert told(await nothing.events()) == []


async def test_a_stream_that_is_resumed_before_the_answer_is_there_goes_on_live(store: Any) -> None:
    scene = Scene(store)
    async with playing(scene):
        wire = scene.wire()
        await wire.initialize()
        exchange, last = await begin_counting(wire)
        await exchange.leave()
        resumed = await wire.ask("GET", last_event_id=last)
        priming = await resumed.event()
        assert priming is not None
        assert priming["data"] == ""
        scene.gate.set()
        assert told([await resumed.event() or {} for _ in range(3)]) == [2, 3, "done"]
        await resumed.leave()


async def test_streams_of_one_session_are_kept_apart(store: Any) -> None:
    scene = Scene(store)
    async with playing(scene):
        wire = scene.wire()
        session_id = await wire.initialize()
        one, after_one = await begin_counting(wire)
        two, after_two = await begin_counting(wire)
        await one.leave()
        await two.leave()
        await wire.call("remember", key="a")
        scene.gate.set()
        access = Access(Address("transport", session_id, EVENTS_SCHEMA))
        while sum(b'"done"' in value for value in (await store.read(access)).values()) < 2:
            await asyncio.sleep(0.005)
        for last in (after_one, after_two):
            assert told(await (await wire.ask("GET", last_event_id=last)).events()) == [2, 3, "done"]


async def test_another_process_replays_what_was_missed_and_ends_the_stream(store: Any) -> None:
    here, there = Scene(store), Scene(store)
    async with playing(here, there):
        wire = here.wire()
        session_id = await wire.initialize()
        exchange, last = await begin_counting(wire)
        await exchange.leave()
        stray = Wire(there.app, **wire.headers)
        early = await stray.ask("GET", last_event_id=last)
        assert early.status == 200
        assert early.headers["content-type"].startswith("text/event-stream")
        assert early.headers["mcp-session-id"] == session_id
        assert await early.events() == [{"retry": "1000"}]
        here.gate.set()
        await all_stored(here, session_id)
        hint, *events = await (await stray.ask("GET", last_event_id=last)).events()
        assert hint == {"retry": "1000"}
        assert told(events) == [2, 3, "done"]
        same = await (await wire.ask("GET", last_event_id=last)).events()
        assert [event["id"] for event in same] == [event["id"] for event in events]


async def test_another_process_answers_only_who_may_know_and_from_where_it_may_be_asked(store: Any) -> None:
    here, there = Scene(store, auth=True), Scene(store, auth=True)
    async with playing(here, there):
        ann, bob = (here.wire(authorization=f"Bearer app/{name}") for name in ("ann", "bob"))
        await ann.initialize()
        await bob.initialize()
        exchange, last = await begin_counting(ann)
        await exchange.leave()
        stray = Wire(there.app, **ann.headers)
        assert (await stray.ask("GET", last_event_id=last)).status == 200
        assert (await stray.ask("GET", last_event_id=last, host="evil.example")).status == 421
        assert (await stray.ask("GET", last_event_id=last, origin="http://evil.example")).status == 403
        assert (await stray.ask("GET", last_event_id=last, accept="application/json")).status == 404
        assert (await stray.ask("GET", last_event_id=last, authorization="Bearer app/bob")).status == 404
        assert (await stray.ask("GET", last_event_id=last, authorization="")).status == 401
        assert (await Wire(there.app, **bob.headers).ask("GET", last_event_id=last)).status == 404


@pytest.mark.parametrize("wrong", ["1", "0000000000-" + "a" * 32, "x", "' OR 1=1 --", "9" * 10_000, "-", "\x7f"])
async def test_an_event_id_that_is_not_the_sessions_own_replays_nothing(store: Any, wrong: str) -> None:
    here, there = Scene(store), Scene(store)
    async with playing(here, there):
        wire, other = here.wire(), here.wire()
        await wire.initialize()
        await other.initialize()
        exchange, last = await begin_counting(wire)
        for event_id in (wrong, last):
            assert await (await other.ask("GET", last_event_id=event_id)).events() == []
            assert (await Wire(there.app, **other.headers).ask("GET", last_event_id=event_id)).status == 404
        assert (await Wire(there.app, **wire.headers).ask("GET", last_event_id=wrong)).status == 404
        await exchange.leave()


async def test_the_answer_to_initialize_can_be_replayed_too(store: Any) -> None:
    scene = Scene(store)
    async with playing(scene):
        wire = scene.wire()
        answer = await wire.post("initialize", HELLO)
        priming, hello = await answer.events()
        wire.headers["mcp-session-id"] = answer.headers["mcp-session-id"]
        [again] = await (await wire.ask("GET", last_event_id=priming["id"])).events()
        assert json.loads(again["data"]) == json.loads(hello["data"])
        assert again["id"] == hello["id"]


async def test_the_standing_stream_is_resumed(store: Any) -> None:
    scene = Scene(store)
    held: list[Any] = []

    async def whisper(ctx: Context) -> str:
        """Tell the client something that has nothing to do with this call."""
        await ctx.session.send_tool_list_changed()
        held.append(ctx)
        return "done"

    scene.server.add_tool(whisper)
    async with playing(scene):
        wire = scene.wire()
        session_id = await wire.initialize()
        stream = await wire.ask("GET")
        await wire.call("whisper")
        first = await stream.event()
        assert first is not None
        await stream.leave()
        await wire.call("whisper")
        access = Access(Address("transport", session_id, EVENTS_SCHEMA))
        while sum(b"list_changed" in value for value in (await store.read(access)).values()) < 2:
            await asyncio.sleep(0.005)
        resumed = await wire.ask("GET", last_event_id=first["id"])
        missed = await resumed.event()
        assert missed is not None
        assert json.loads(missed["data"])["method"] == "notifications/tools/list_changed"
        assert missed["id"] != first["id"]
        await resumed.leave()


async def test_the_log_of_a_session_goes_with_it(store: Any) -> None:
    scene = Scene(store)
    async with playing(scene):
        wire = scene.wire()
        session_id = await wire.initialize()
        events: Any = scene.server.session_manager.event_store
        assert list(events._logs) == [session_id]
        await wire.call("remember", key="a")
        await wire.ask("DELETE")
        assert list(events._logs) == []
        wire = scene.wire()
        gone = await wire.initialize()
        await store.end(Access(Address("transport", gone, TRANSPORT_SCHEMA)))
        await wire.post("ping")
        assert list(events._logs) == []


async def test_a_store_that_is_down_is_a_503_and_leaves_no_session_of_the_sdk_behind() -> None:
    store = BrokenStore()
    scene = Scene(store, max_sessions=2)
    async with playing(scene):
        wire = scene.wire()
        await wire.initialize()
        store.down = True
        for _ in range(3):
            answer = await scene.wire().post("initialize", HELLO)
            assert answer.status == 503
            assert answer.headers["retry-after"] == "5"
            assert "mcp-session-id" not in answer.headers
            await answer.task
        assert (await wire.post("ping")).status == 503
        assert (await wire.ask("DELETE")).status == 503
        store.down = False
        assert (await wire.call("remember", key="a"))["structuredContent"]["result"] == ["a"]
        await scene.wire().initialize()
        assert (await wire.ask("DELETE")).status == 200


async def test_more_sessions_than_there_may_be_are_a_503_in_either_place(store: Any) -> None:
    scene = Scene(store, limits=Limits(all_sessions=1), max_sessions=2)
    async with playing(scene):
        wire = scene.wire()
        await wire.initialize()
        for _ in range(3):
            answer = await scene.wire().post("initialize", HELLO)
            assert answer.status == 503
            assert "Too many sessions" in await answer.text()
            await answer.task
        assert (await wire.ask("DELETE")).status == 200
        await scene.wire().initialize()


async def test_a_store_that_fails_in_the_middle_costs_the_replay_and_not_the_call(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    scene = Scene(store)
    real = store.write

    async def write(access: Access, *args: Any, **kwargs: Any) -> Any:
        if access.address.schema == EVENTS_SCHEMA:
            raise StoreError("the store is down")
        return await real(access, *args, **kwargs)

    async with playing(scene):
        wire = scene.wire()
        await wire.initialize()
        monkeypatch.setattr(store, "write", write)
        scene.gate.set()
        events = await (
            await wire.post("tools/call", {"name": "count", "arguments": {}, "_meta": {"progressToken": 1}})
        ).events()
        assert told(events) == [1, 2, 3, "done"]
        assert not any(event.get("id") for event in events)
        assert "cannot be kept, and so not be replayed" in caplog.text
        monkeypatch.undo()
        assert (await wire.call("remember", key="a"))["structuredContent"]["result"] == ["a", "counted"]


async def test_json_answers_are_observed_as_well(store: Any) -> None:
    scene = Scene(store, json_response=True)
    async with playing(scene):
        wire = scene.wire()
        answer = await wire.post("initialize", HELLO)
        wire.headers["mcp-session-id"] = answer.headers["mcp-session-id"]
        params = {"name": "remember", "arguments": {"key": "a"}}
        text = await (await wire.post("tools/call", params)).text()
        assert json.loads(text)["result"]["structuredContent"] == {"result": ["a"]}
        assert (await wire.ask("DELETE")).status == 200
        assert (await store.scan()).sessions == ()


async def test_without_an_event_store_nothing_is_kept_or_replayed(store: Any) -> None:
    scene = Scene(store, event_store=None)
    async with playing(scene):
        wire = scene.wire()
        session_id = await wire.initialize()
        assert (await wire.call("remember", key="a"))["structuredContent"]["result"] == ["a"]
        assert (await store.scan(schema=EVENTS_SCHEMA)).sessions == ()
        await store.end(Access(Address("transport", session_id, TRANSPORT_SCHEMA)))
        assert (await wire.post("ping")).status == 404


async def test_host_and_origin_are_checked_before_we_answer_anything(store: Any) -> None:
    scene = Scene(store)
    async with playing(scene):
        wire = scene.wire()
        for headers, status in (({"host": "evil.example"}, 421), ({"origin": "http://evil.example"}, 403)):
            for session_id in ("a" * 32, "not visible"):
                for method in ("GET", "DELETE"):
                    assert (await wire.ask(method, mcp_session_id=session_id, **headers)).status == status
                assert (await wire.post("ping", mcp_session_id=session_id, **headers)).status == status


async def test_a_modern_request_passes_and_its_header_means_nothing(store: Any) -> None:
    scene = Scene(store)
    async with playing(scene):
        wire = scene.wire()
        session_id = await wire.initialize()
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        params = {"name": "remember", "arguments": {"key": "x"}, "_meta": meta}
        modern = {"mcp_protocol_version": "2026-07-28", "mcp_method": "tools/call", "mcp_name": "remember"}
        answer = await wire.post("tools/call", params, mcp_session_id=session_id, **modern)
        assert answer.status == 200
        assert "create_session" in await answer.text()
        assert (await wire.call("remember", key="mine"))["structuredContent"]["result"] == ["mine"]


async def test_middleware_outside_of_authentication_serves_nobody(store: Any) -> None:
    server, sessions = make_server(store, auth=True)
    app = server.streamable_http_app()
    wire = Wire(ObservingMiddleware(app, sessions.call), authorization="Bearer app/ann")
    async with app.router.lifespan_context(app):
        answer = await wire.post("initialize", HELLO)
        assert answer.status == 500
        assert "mcp-session-id" not in answer.headers
        for method in ("GET", "DELETE"):
            assert (await wire.ask(method, mcp_session_id="a" * 32)).status == 500
    assert (await store.scan()).sessions == ()


async def test_a_standing_stream_keeps_its_session_alive(store: Any, clock: Any, asked: list[Any]) -> None:
    server, sessions = make_server(store)
    app = server.streamable_http_app()
    sdk.wrap_innermost(
        server.session_manager, lambda handler, manager: ObservingMiddleware(handler, sessions.call, idle=0.06)
    )
    async with app.router.lifespan_context(app):
        wire = Wire(app)
        await wire.initialize()
        stream = await wire.ask("GET")
        asked.clear()
        while [operation for operation, *_ in asked].count("touch") < 3:
            await asyncio.sleep(0.01)
        await stream.leave()


async def test_a_store_that_fails_as_a_session_ends_or_is_replayed_is_a_503(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    here, there = Scene(store), Scene(store)

    async def fail(*args: Any, **kwargs: Any) -> Any:
        raise StoreError("down")

    async with playing(here, there):
        wire = here.wire()
        await wire.initialize()
        exchange, last = await begin_counting(wire)
        await exchange.leave()
        with monkeypatch.context() as patched:
            patched.setattr(store, "names", fail)
            assert (await Wire(there.app, **wire.headers).ask("GET", last_event_id=last)).status == 503
            patched.setattr(store, "end", fail)
            assert (await wire.ask("DELETE")).status == 503
        assert (await wire.post("ping")).status == 404
