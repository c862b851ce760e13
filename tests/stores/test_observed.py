"""What OpenTelemetry is told of a store, and what it is never told."""

import asyncio
import inspect
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from tests.stores.conftest import STORE_KEY

from mcp_sessions import SessionDataError, SessionTooLargeError, StoreError, TooManySessionsError, UntypedSession
from mcp_sessions.server import Sessions
from mcp_sessions.stores import (
    Access,
    Address,
    Lifetime,
    Limits,
    MemoryStore,
    NotLiveError,
    OtherVersionError,
    SchemaVersion,
    SessionCopy,
    SessionExistsError,
    Store,
)
from mcp_sessions.stores.encrypted import EncryptedStore
from mcp_sessions.stores.observed import ObservedStore, instruments
from mcp_sessions.testing import FakeClock
from mcp_sessions.testing.clock import START

LIVES = Lifetime(600.0)
SECRETS = ("id7fza", "owner7fza", "key7fza", "value7fza")
SECRET = Access(Address("handle", "id7fza", "cart"), "owner7fza")
OTHER = replace(SECRET, address=replace(SECRET.address, id="another"))


class Told:
    """Collects what a store tells."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers, self.meters = TracerProvider(), MeterProvider([self.reader])
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))

    def of(self, store: Store) -> ObservedStore:
        return ObservedStore(store, tracer_provider=self.tracers, meter_provider=self.meters)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    @property
    def last(self) -> dict[str, object]:
        return dict(self.spans[-1].attributes or {})

    def metrics(self) -> list[Any]:
        data: Any = self.reader.get_metrics_data()
        return [
            metric for resource in data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics
        ]

    def everything(self) -> str:
        data: Any = self.reader.get_metrics_data()
        return "".join(span.to_json() for span in self.spans) + (data.to_json() if data else "")


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def store(told: Told, clock: FakeClock) -> ObservedStore:
    return told.of(MemoryStore(clock=clock))


COPY = SessionCopy(
    address=SECRET.address,
    owner=SECRET.owner,
    version=1,
    digest="",
    created=START,
    expires=START + 60.0,
    idle=60.0,
    max_at=None,
    values={"key7fza": b'"value7fza"'},
    untils={},
)

ALL: dict[str, Callable[[Store, Access], Awaitable[object]]] = {
    "touch": lambda store, access: store.touch(access),
    "read": lambda store, access: store.read(access),
    "names": lambda store, access: store.names(access),
    "write": lambda store, access: store.write(access, {"key7fza": b'"value7fza"'}),
    "increment": lambda store, access: store.increment(access, "key7fza2", 1, b"0"),
    "append": lambda store, access: store.append(access, "key7fza3", [b'"value7fza"'], b"[]"),
    "remove": lambda store, access: store.remove(access, "key7fza"),
    "clear": lambda store, access: store.clear(access),
    "end": lambda store, access: store.end(access, values=True),
    "create": lambda store, access: store.create(access, LIVES, {"key7fza": b'"value7fza"'}),
    "look_up": lambda store, access: store.look_up(access.address),
    "scan": lambda store, access: store.scan(schema="cart", owner=access.owner),
    "purge_expired": lambda store, access: store.purge_expired(values=True),
    "count": lambda store, access: store.count(),
    "copy_out": lambda store, access: store.copy_out(access.address),
    "copy_in": lambda store, access: store.copy_in(replace(COPY, address=access.address)),
    "migrate": lambda store, access: store.migrate(COPY, SchemaVersion(2), {"key7fza": b'"value7fza2"'}, {}),
}
OF_ALL = ("purge_expired", "count")


def test_every_operation_of_the_contract_is_here() -> None:
    assert set(ALL) == {name for name, _ in inspect.getmembers(Store, inspect.isfunction) if name[0] != "_"} - {
        "aclose"
    }


@pytest.mark.parametrize("operation", ALL)
async def test_each_operation_is_one_span_and_one_duration(told: Told, store: ObservedStore, operation: str) -> None:
    access = (
        SECRET
        if operation not in ("create", "copy_in")
        else replace(SECRET, address=replace(SECRET.address, id="another"))
    )
    await store.store.create(SECRET, LIVES, {"key7fza": b'"value7fza"'})
    await ALL[operation](store, access)
    [span] = told.spans
    schema = {} if operation in OF_ALL else {"db.collection.name": "cart"}
    outcomes = {"read": {"mcp_sessions.hit": True}, "migrate": {"mcp_sessions.conflict": False}}
    outcome = outcomes.get(operation, {})
    attributes = {"db.system.name": "memory", "db.operation.name": operation, **schema, **outcome}
    assert span.name == (f"{operation} cart" if schema else operation)
    assert dict(span.attributes or {}) == attributes
    assert (span.kind, span.status.status_code, span.events) == (SpanKind.INTERNAL, StatusCode.UNSET, ())
    [metric] = told.metrics()
    assert (metric.name, metric.unit) == ("db.client.operation.duration", "s")
    [point] = metric.data.data_points
    assert (dict(point.attributes), point.count) == (attributes, 1)
    assert 0 < point.sum < 10
    assert list(point.explicit_bounds) == [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]


async def test_answers_are_those_of_the_store(store: ObservedStore) -> None:
    seen, plain = store, MemoryStore(clock=lambda: 1_800_000_000.0)
    for operation in ("create", *(name for name in ALL if name != "create")):
        access = OTHER if operation == "copy_in" else SECRET
        assert await ALL[operation](seen, access) == await ALL[operation](plain, access)


async def test_whether_a_read_found_something_and_a_write_was_beaten(told: Told, store: ObservedStore) -> None:
    await store.create(SECRET, LIVES, {"a": b"1"})
    for keys, hit in ((["a", "b"], True), (["b"], False), (None, True)):
        await store.read(SECRET, keys)
        assert told.last["mcp_sessions.hit"] is hit
    for expected, conflict in ((b"0", True), (b"1", False)):
        await store.write(SECRET, {"a": b"2"}, {"a": expected})
        assert told.last["mcp_sessions.conflict"] is conflict
    await store.write(SECRET, {"a": b"2"})
    assert "mcp_sessions.conflict" not in told.last
    copy = await store.copy_out(SECRET.address)
    assert copy is not None
    for done in (True, False):
        assert await store.migrate(copy, SchemaVersion(2), {"a": b"3"}, {}) is done
        assert told.last["mcp_sessions.conflict"] is not done


async def test_a_refusal_is_an_answer_and_no_failure(told: Told, store: ObservedStore, clock: FakeClock) -> None:
    await store.create(SECRET, LIVES)
    with pytest.raises(SessionExistsError):
        await store.create(SECRET, LIVES)
    assert told.last["mcp_sessions.refusal"] == "exists"
    with pytest.raises(NotLiveError):
        await store.read(replace(SECRET, owner="stranger"))
    assert told.last["mcp_sessions.refusal"] == "unknown"
    with pytest.raises(OtherVersionError):
        await store.read(replace(SECRET, version=2, reads=2))
    assert told.last["mcp_sessions.refusal"] == "version"
    clock.advance(LIVES.idle * 2)
    with pytest.raises(NotLiveError):
        await store.write(SECRET, {"a": b"1"})
    assert told.last["mcp_sessions.refusal"] == "expired"
    assert all((span.status.status_code, span.events) == (StatusCode.UNSET, ()) for span in told.spans)
    assert not any("error.type" in (span.attributes or {}) for span in told.spans)


async def test_a_failure_is_told_by_its_type_alone(told: Told, store: ObservedStore) -> None:
    await store.create(SECRET, LIVES, {"key7fza": b'"value7fza"'})
    small = replace(SECRET, limits=Limits(value_bytes=1, owner_sessions=1))
    other = replace(small, address=replace(SECRET.address, id="id7fza2"))
    failing: list[tuple[type[Exception], Callable[[], Awaitable[object]]]] = [
        (SessionDataError, lambda: store.increment(SECRET, "key7fza", 1, b"0")),
        (SessionTooLargeError, lambda: store.write(small, {"key7fza": b'"value7fza"'})),
        (TooManySessionsError, lambda: store.create(other, LIVES)),
        (StoreError, lambda: store.read(SECRET, ["key7fza\ud800"])),
    ]
    for error, call in failing:
        with pytest.raises(error):
            await call()
        assert told.last["error.type"] == error.__name__
        span = told.spans[-1]
        assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())


async def test_a_caller_that_gives_up_is_told_of_as_such(told: Told) -> None:
    class Slow(MemoryStore):
        async def touch(self, access: Access, lifetime: Lifetime | None = None) -> Any:
            await asyncio.sleep(60)

    call = asyncio.ensure_future(told.of(Slow()).touch(SECRET))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert told.last["error.type"] == "CancelledError"


async def test_nothing_tells_whose_session_it_was_or_what_was_in_it(told: Told, clock: FakeClock) -> None:
    inside = MemoryStore(clock=clock)
    store = told.of(EncryptedStore(inside, [STORE_KEY]))
    for number, changes in enumerate(
        ({}, {"owner": "owner7fza2"}, {"limits": Limits(value_bytes=1)}, {"begin": LIVES}, {"owner": None})
    ):
        access = replace(SECRET, address=replace(SECRET.address, id=f"id7fza{number}"))
        await inside.create(access, LIVES, {"key7fza": b'"value7fza"'} if number == 3 else {})
        for operation in ALL.values():
            await asyncio.gather(operation(store, replace(access, **changes)), return_exceptions=True)
    clock.advance(LIVES.idle * 2)
    for operation in ALL.values():
        await asyncio.gather(operation(store, SECRET), return_exceptions=True)
    everything = told.everything()
    assert len(told.spans) == 6 * len(ALL)
    assert {"SessionDataError", "SessionTooLargeError"} <= {
        str(span.attributes["error.type"]) for span in told.spans if span.attributes and "error.type" in span.attributes
    }
    assert [secret for secret in (*SECRETS, "7fza") if secret in everything] == []


class Homemade:
    """A store of a user's own."""

    async def touch(self, access: Access, lifetime: Lifetime | None = None) -> None: ...


@pytest.mark.parametrize("kind", ["memory", "sqlite", "redis", "postgres", "encrypted sqlite"])
async def test_each_of_our_stores_has_its_name(told: Told, make_store: Callable[..., Store], kind: str) -> None:
    store = told.of(make_store(kind))
    await store.create(SECRET, LIVES)
    name = {"postgres": "postgresql"}.get(kind, kind.removeprefix("encrypted "))
    assert told.last["db.system.name"] == name
    assert told.spans[-1].kind == (SpanKind.INTERNAL if name == "memory" else SpanKind.CLIENT)
    await store.aclose()


async def test_a_store_that_is_not_ours_is_called_by_its_class(told: Told) -> None:
    homemade: Any = Homemade()
    await told.of(homemade).touch(SECRET)
    assert told.last["db.system.name"] == "Homemade"
    assert told.spans[-1].kind == SpanKind.CLIENT


async def test_a_span_stands_where_the_call_was_made(told: Told) -> None:
    tracer = told.tracers.get_tracer("test")

    class Inner(MemoryStore):
        async def touch(self, access: Access, lifetime: Lifetime | None = None) -> Any:
            with tracer.start_as_current_span("inner"):
                return await super().touch(access, lifetime)

    store = told.of(Inner())
    await store.create(SECRET, LIVES)
    with tracer.start_as_current_span("outer"):
        await asyncio.gather(store.touch(SECRET), store.touch(SECRET))
    spans = {span.name: span for span in told.spans}
    assert spans["touch cart"].parent == spans["outer"].context
    assert spans["inner"].parent == spans["touch cart"].context


async def test_the_record_of_a_transport_session_has_no_schema(told: Told, store: ObservedStore) -> None:
    await store.create(Access(Address("transport", "t", "")), LIVES)
    assert told.spans[-1].name == "create"
    assert "db.collection.name" not in told.last


# Without an SDK ---------------------------------------------------------------------------------------------------


async def test_where_nobody_watches_the_stores_own_coroutines_are_returned() -> None:
    store = ObservedStore(MemoryStore())
    await store.create(SECRET, LIVES)
    for operation in ALL.values():
        call: Any = operation(store, SECRET)
        assert call.cr_code.co_filename.endswith(("rowstore.py", "memory.py"))
        call.close()


def test_an_sdk_that_is_set_up_later_is_noticed_within_a_second(monkeypatch: pytest.MonkeyPatch, told: Told) -> None:
    now, looks, provider = [100.0], [], [instruments.trace.ProxyTracerProvider()]

    def look() -> object:
        looks.append(now[0])
        return provider[0]

    monkeypatch.setattr(instruments, "monotonic", lambda: now[0])
    monkeypatch.setattr(instruments.trace, "get_tracer_provider", look)
    watch = instruments.Watch("memory")
    for _ in range(100):
        now[0] += 0.0625
        assert watch.instruments() is None
    assert len(looks) == 7
    provider[0] = told.tracers  # type: ignore[call-overload]
    now[0] += 1.0
    found = watch.instruments()
    assert found is not None
    assert watch.instruments() is found


async def test_sessions_keep_the_store_that_they_were_given() -> None:
    store = MemoryStore()
    sessions = Sessions(store, schemas=[UntypedSession])
    assert sessions.store is store
    used = sessions.call().store
    assert isinstance(used, ObservedStore)
    assert used.store is store
    assert Sessions(used, schemas=[UntypedSession]).call().store is used


SERVER = """
    import asyncio
    from mcp import Client
    from mcp.server import MCPServer
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from mcp_sessions import UntypedSession
    from mcp_sessions.server import Sessions

    sessions = Sessions("memory://", schemas=[UntypedSession])
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)

    @server.tool()
    async def remember(value: str, session: UntypedSession) -> None:
        await session.set("key7fza", value)

    async def main() -> None:
        async with Client(server) as client:
            made = (await client.call_tool("create_session", {})).structured_content
            handle = {"session": made["session"]}
            await client.call_tool("remember", {"value": "value7fza", **handle})
            await client.call_tool("end_session", handle)
            await client.call_tool("remember", {"value": "value7fza", **handle})
        spans = [span for span in exporter.get_finished_spans() if span.instrumentation_scope.name == "mcp_sessions"]
        print([span.name for span in spans], all(span.parent for span in spans))
        text = "".join(span.to_json() for span in spans)
        print([hidden for hidden in (handle["session"], handle["session"][-8:], "7fza") if hidden in text])

    asyncio.run(main())
"""


def run(script: str) -> str:
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_server_tells_of_its_store_by_itself() -> None:
    names = ["create session", "write session", "end session", "write session"]
    assert run(SERVER) == f"{names} True\n[]\n"


def test_the_runtime_alone_does_not_import_opentelemetry() -> None:
    loaded = run("""
        import sys
        import mcp_sessions, mcp_sessions.stores.encrypted
        print([name for name in sys.modules if name.partition(".")[0] == "opentelemetry"])
    """)
    assert loaded == "[]\n"


@pytest.mark.parametrize("when", ["on_start", "on_end"])
async def test_a_listener_that_fails_changes_nothing(when: str, caplog: pytest.LogCaptureFixture) -> None:
    provider = TracerProvider()

    def fail(self: object, *args: object, **kwargs: object) -> None:
        raise RuntimeError("a listener is broken")

    provider.add_span_processor(type("Broken", (SpanProcessor,), {when: fail})())
    store = ObservedStore(MemoryStore(), tracer_provider=provider)
    await store.create(SECRET, LIVES)
    assert await store.increment(SECRET, "n", 1, b"0") == b"1"
    with pytest.raises(SessionExistsError):
        await store.create(SECRET, LIVES)
    assert await store.read(SECRET) == {"n": b"1"}
    assert "OpenTelemetry could not be told of a store operation" in caplog.text


@pytest.mark.parametrize("wrapper", [ObservedStore, lambda store: EncryptedStore(store, [STORE_KEY])])
@pytest.mark.parametrize("given", [None, 5, "memory://", MemoryStore])
def test_what_is_wrapped_is_a_store(wrapper: Any, given: Any) -> None:
    with pytest.raises(TypeError, match=r"Store needs a store, such as open_store\(url\); got "):
        wrapper(given)
