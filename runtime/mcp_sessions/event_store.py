"""``SessionEvents``: what a server has sent, kept so that a client whose stream broke gets what it missed.

The SDK tells an event store neither whose event it stores nor whose ``Last-Event-ID`` it is given. So each transport
session has an ``EventLog``, which stands in the context of whatever is done for that session; where there is none,
nothing is stored and nothing replayed. The events are in the session store, as values of a child of the transport
session, and so end with it; any process on that store can replay them.
"""

import logging
import secrets
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

from mcp.server.streamable_http import EventCallback, EventStore
from mcp_types import JSONRPCMessage

from mcp_sessions.errors import SessionLimitError, StoreError
from mcp_sessions.events import EVENT_SECONDS, Missed, dumped, events_of, missed
from mcp_sessions.stores.base import Access, NotLiveError, Store

__all__ = ["EVENTS_BYTES", "EVENTS_COUNT", "SessionEvents"]

EVENTS_COUNT: Final = 1000
"""How many events of a session are kept; the oldest goes first."""

EVENTS_BYTES: Final = 4 * 1024 * 1024
"""How many bytes of a session's events are kept; a larger event cannot be replayed."""

_ROUNDS: Final = 8
"""How often a replay looks again for what was written meanwhile."""

_log: Final = logging.getLogger("mcp_sessions")


class EventLog:
    """The events of one transport session, as the process that serves it knows them.

    The id of a session is known only when the answer to ``initialize`` is about to go out, and by then the SDK has
    stored its first events: they wait here until ``open``. One process serves a session, so a plain count keeps its
    events in order: each gets its number before anything is awaited.
    """

    def __init__(self, events: "SessionEvents") -> None:
        self.events = events
        self.access: Access | None = None
        self.written = 0
        self._is_closed = False
        self._random = secrets.token_hex(16)
        self._count = 0
        self._kept: deque[tuple[str, int]] = deque()
        self._bytes = 0
        self._waiting: dict[str, bytes] = {}
        self._dropped: dict[str, None] = {}

    async def open(self, transport: Access) -> None:
        """Say which transport session this is, and write what has waited for that."""
        self.access = events_of(transport, begin=True)
        waiting, self._waiting = self._waiting, {}
        if waiting:
            await self._write(self.access, waiting)

    def close(self) -> None:
        """Keep nothing more: the session is over."""
        self._is_closed = True
        self.access = None
        self._waiting.clear()
        self._kept.clear()

    async def add(self, stream: str, message: JSONRPCMessage | None, after: str | None = None) -> str:
        """Keep an event and return its id; "" when it cannot be kept, and so not be replayed.

        Args:
            stream: The stream that it belongs to.
            message: What it says; None for one that only gives the client a place to resume from.
            after: The event that the client had got when it was given that place; None for the one before it.
        """
        if self._is_closed:
            return ""
        value = dumped(stream, message, after)
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
        store, ttls = self.events.store, dict.fromkeys(values, EVENT_SECONDS)
        try:
            try:
                await store.write(access, {**dropped, **values}, ttls=ttls)
            except NotLiveError as over:
                if over.reason != "expired":
                    raise
                await store.end(access, expired=True)  # events that nobody came for in time
                await store.write(access, values, ttls=ttls)
        except (StoreError, SessionLimitError, NotLiveError) as error:
            self._dropped |= dropped
            _log.warning("an event cannot be kept, and so not be replayed: %s", error)
            return False
        self.written += len(values)
        return True


class _Resumed(NamedTuple):
    """A stream that was replayed, and the event that the SDK is to send before it goes on live."""

    stream: str
    place: str


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
        if log is None:
            return ""
        resumed = _resumed.get()
        if message is None and resumed is not None and resumed.stream == stream_id:
            _resumed.set(None)
            return resumed.place
        return await log.add(stream_id, message)

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        """See ``EventStore.replay_events_after``; None also when the stream is over, so that the SDK closes it.

        The SDK goes on live after it has asked for one more event and sent it. What came meanwhile would be sent to
        nobody. So what is written during the replay is replayed as well, and that event is made here: nothing is
        awaited afterwards, and it tells from where to go on when the stream breaks again.
        """
        log = self._log()
        if log is None or log.access is None:
            return None
        resumed = await self._replay(log, log.access, last_event_id, send_callback)
        _resumed.set(resumed)
        return None if resumed is None else resumed.stream

    async def _replay(self, log: EventLog, session: Access, last: str, send: EventCallback) -> _Resumed | None:
        resumed = None
        for _ in range(_ROUNDS):
            written = log.written
            try:
                found = await self.missed(session, last)
            except StoreError as error:
                _log.warning("events cannot be replayed now: %s", error)
                found = None
            if found is None:
                break
            for event in found.events:
                await send(event)
                last = event.event_id or last
            if found.is_over:
                return None
            place = await log.add(found.stream, None, after=last)
            resumed = _Resumed(found.stream, place or last)
            if log.written <= written + 1:
                break
        return resumed

    async def missed(self, session: Access, last_event_id: str) -> Missed | None:
        """See ``events.missed``."""
        return await missed(self.store, session, last_event_id)

    def _log(self) -> EventLog | None:
        log = _current.get()
        return log if log is not None and log.events is self else None


_resumed: ContextVar[_Resumed | None] = ContextVar("mcp_sessions_resumed", default=None)
_current: ContextVar[EventLog | None] = ContextVar("mcp_sessions_events", default=None)


@contextmanager
def _current_is(log: EventLog | None) -> Iterator[None]:
    token = _current.set(log)
    try:
        yield
    finally:
        _current.reset(token)
