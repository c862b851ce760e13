"""``SessionEvents``: what a server has sent, kept so that a client whose stream broke gets what it missed.

The SDK tells an event store neither whose event it stores nor whose ``Last-Event-ID`` it is given. So each transport
session has an ``EventLog``, which stands in the context of whatever is done for that session; where there is none,
nothing is stored and nothing replayed. The events are in the session store, as values of a child of the transport
session, and so end with it; any process on that store can replay them.
"""

import json
import logging
import re
import secrets
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakValueDictionary

from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCResponse, jsonrpc_message_adapter
from pydantic_core import from_json

from mcp_sessions.errors import SessionLimitError, StoreError
from mcp_sessions.stores.base import Access, Address, Lifetime, NotLiveError, Store

__all__ = ["EVENTS_BYTES", "EVENTS_COUNT", "EVENTS_SCHEMA", "EVENT_SECONDS", "SessionEvents"]

EVENTS_SCHEMA: Final = "#events"
"""The schema of the child that holds the events; no session can have that name."""

EVENT_SECONDS: Final = 3600.0
"""How long an event can be replayed: a call may be as long as this, and still be resumed by its first event."""

EVENTS_COUNT: Final = 1000
"""How many events of a session are kept; the oldest goes first."""

EVENTS_BYTES: Final = 4 * 1024 * 1024
"""How many bytes of a session's events are kept; a larger event cannot be replayed."""

_EVENT_ID: Final = re.compile(r"[0-9]{10}-[0-9a-f]{32}")

_log: Final = logging.getLogger("mcp_sessions")


@dataclass(frozen=True, slots=True)
class Missed:
    """What a client has missed on one stream.

    Attributes:
        stream: The stream, as the SDK calls it.
        events: The events, in their order.
        is_over: Whether the stream has had its last event.
    """

    stream: str
    events: tuple[EventMessage, ...]
    is_over: bool


class EventLog:
    """The events of one transport session, as the process that serves it knows them.

    The id of a session is known only when the answer to ``initialize`` is about to go out, and by then the SDK has
    stored its first events: they wait here until ``open``. One process serves a session, so a plain count keeps its
    events in order: each gets its number before anything is awaited.
    """

    def __init__(self, events: "SessionEvents") -> None:
        self.events = events
        self.access: Access | None = None
        self._is_closed = False
        self._random = secrets.token_hex(16)
        self._count = 0
        self._kept: deque[tuple[str, int]] = deque()
        self._bytes = 0
        self._waiting: dict[str, bytes] = {}
        self._dropped: dict[str, None] = {}

    async def open(self, transport: Access) -> None:
        """Say which transport session this is, and write what has waited for that."""
        self.access = _events_of(transport, begin=True)
        waiting, self._waiting = self._waiting, {}
        if waiting:
            await self._write(self.access, waiting)

    def close(self) -> None:
        """Keep nothing more: the session is over."""
        self._is_closed = True
        self.access = None
        self._waiting.clear()
        self._kept.clear()

    async def add(self, stream: str, message: JSONRPCMessage | None) -> str:
        """Keep an event and return its id; "" when it cannot be kept, and so not be replayed."""
        if self._is_closed:
            return ""
        value = _dumped(stream, message)
        if len(value) > EVENTS_BYTES:
            _log.warning("an event of %d bytes is too large to be replayed", len(value))
            return ""
        name = f"{self._count:010d}-{self._random}"
        self._count += 1
        self._kept.append((name, len(value)))
        self._bytes += len(value)
        while len(self._kept) > EVENTS_COUNT or self._bytes > EVENTS_BYTES:
            oldest, size = self._kept.popleft()
            self._bytes -= size
            if self._waiting.pop(oldest, None) is None:
                self._dropped[oldest] = None
        if self.access is None:
            self._waiting[name] = value
            return name
        return name if await self._write(self.access, {name: value}) else ""

    async def _write(self, access: Access, values: Mapping[str, bytes]) -> bool:
        """Write events and remove what was dropped, in one round trip.

        It never raises: the SDK would deliver nothing more to the client.
        """
        dropped, self._dropped = self._dropped, {}
        try:
            await self.events.store.write(access, {**dropped, **values}, ttls=dict.fromkeys(values, EVENT_SECONDS))
        except (StoreError, SessionLimitError, NotLiveError) as error:
            self._dropped |= dropped
            _log.warning("an event cannot be kept, and so not be replayed: %s", error)
            return False
        return True


class SessionEvents(EventStore):
    """An event store of the SDK in which no session can reach the events of another.

    Args:
        store: Where the sessions are.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        # A log lives as long as the SDK's tasks of its session, in whose context it is: none is left of a session that
        # the SDK gives up by itself.
        self._logs: WeakValueDictionary[str, EventLog] = WeakValueDictionary()

    @contextmanager
    def opening(self) -> Iterator[EventLog]:
        """Give a session that may begin in the block a log, which the tasks inherit that begin there."""
        log = EventLog(self)
        with _current_is(log):
            yield log

    async def open(self, log: EventLog, transport: Access) -> None:
        """Say which session has begun with that log."""
        self._logs[transport.address.id] = log
        await log.open(transport)

    def close(self, session_id: str) -> None:
        """Forget the log of a session that the SDK has ended."""
        log = self._logs.pop(session_id, None)
        if log is not None:
            log.close()

    @contextmanager
    def within(self, session_id: str | None) -> Iterator[None]:
        """Make the block one of that session, which the caller has verified; of none, if it began elsewhere."""
        with _current_is(self._logs.get(session_id) if session_id is not None else None):
            yield

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        """See ``EventStore.store_event``; "" when there is no session, or the event cannot be kept."""
        log = self._log()
        return "" if log is None else await log.add(stream_id, message)

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        """See ``EventStore.replay_events_after``; None also when the stream is over, so that the SDK closes it."""
        log = self._log()
        if log is None or log.access is None:
            return None
        try:
            missed = await self.missed(log.access, last_event_id)
        except StoreError as error:
            _log.warning("events cannot be replayed now: %s", error)
            return None
        if missed is None:
            return None
        for event in missed.events:
            await send_callback(event)
        return None if missed.is_over else missed.stream

    async def missed(self, session: Access, last_event_id: str) -> Missed | None:
        """Return what came after an event on its stream; None if the session has no such event, or has it no more.

        Args:
            session: The transport session, or a child of it.
            last_event_id: Whatever the client gave.

        Raises:
            StoreError: If the store failed.
        """
        if not _EVENT_ID.fullmatch(last_event_id):
            return None
        access = _events_of(session)
        try:
            names = [name for name in await self.store.names(access) if name >= last_event_id]
            held = await self.store.read(access, names) if last_event_id in names else {}
        except NotLiveError:
            return None
        if last_event_id not in held:
            return None
        loaded = {name: _loaded(held[name]) for name in names if name in held}
        stream = loaded[last_event_id][0]
        ours = {name: message for name, (its_stream, message) in loaded.items() if its_stream == stream}
        events = tuple(
            EventMessage(message, name)
            for name, message in ours.items()
            if name != last_event_id and message is not None
        )
        return Missed(stream, events, any(map(_is_last, ours.values())))

    def _log(self) -> EventLog | None:
        log = _current.get()
        return log if log is not None and log.events is self else None


_current: ContextVar[EventLog | None] = ContextVar("mcp_sessions_events", default=None)


@contextmanager
def _current_is(log: EventLog | None) -> Iterator[None]:
    token = _current.set(log)
    try:
        yield
    finally:
        _current.reset(token)


def _events_of(session: Access, *, begin: bool = False) -> Access:
    """Return the access to a session's events; the server's limits are not theirs, they have limits of their own."""
    address = Address("transport", session.address.id, EVENTS_SCHEMA)
    return Access(address, session.owner, Lifetime(EVENT_SECONDS) if begin else None)


def _is_last(message: JSONRPCMessage | None) -> bool:
    """Tell whether nothing comes after a message on its stream: it answers the request that the stream is for."""
    return isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None


def _dumped(stream: str, message: JSONRPCMessage | None) -> bytes:
    text = "null" if message is None else message.model_dump_json(by_alias=True, exclude_unset=True)
    return f"[{json.dumps(stream)},{text}]".encode()


def _loaded(value: bytes) -> tuple[str, JSONRPCMessage | None]:
    stream, message = from_json(value)
    return stream, None if message is None else _message(message)


def _message(raw: Any) -> JSONRPCMessage:
    return jsonrpc_message_adapter.validate_python(raw, by_name=False)
