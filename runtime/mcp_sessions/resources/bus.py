"""``SessionBus``: the SDK's ``SubscriptionBus``, for the processes that share a store; and the streams that are on it.

The SDK serves ``subscriptions/listen`` and asks the bus for events by one callback per stream. What a stream listens
to, and may, is decided in ``subscriptions``, and reaches the bus by a ContextVar.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from typing import Final, TypeAlias

from mcp.server.subscriptions import (
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.notices.board import Board, Kind, topic

__all__ = ["SessionBus"]

Listener: TypeAlias = Callable[[ServerEvent], None]
IsOver: TypeAlias = Callable[[], Awaitable[bool]]

_LISTS: Final[tuple[ServerEvent, ...]] = (ToolsListChanged(), PromptsListChanged(), ResourcesListChanged())


class SessionBus:
    """What ``MCPServer(subscriptions=sessions.bus)`` is given: a change in one worker reaches who listens at another.

    That holds for changes of sessions, which need no ``publish``, and for the events that the server's own functions
    publish (``ctx.notify_tools_changed()`` and the like). Events are told up to 30 ms later, equal ones once.

    Args:
        board: Where they are posted.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._others: dict[object, Listener] = {}

    async def publish(self, event: ServerEvent) -> None:
        """Have an event told to all who listen to it, in all processes."""
        self._board.post(Kind.CHANGED, _topic_of(event))
        if isinstance(event, ResourceUpdated):
            for listener in list(self._others.values()):
                listener(event)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have ``listener`` called with events; return what ends that.

        Where the middleware of ``Sessions`` is not around the call, nothing tells which resources are listened to: then
        those that other processes publish are not among the events.
        """
        stream = _listening.get()
        if stream is not None:
            stream.open(listener, _LISTS)
            return stream.close
        token, alone = object(), Stream(self._board)
        self._others[token] = listener
        alone.open(listener, _LISTS)

        def end() -> None:
            self._others.pop(token, None)
            alone.close()

        return end


class Stream:
    """What one client is told of, each event once until it was sent: so a slow client costs no more than that.

    Args:
        board: Where changes are told.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._listener: Listener | None = None
        self._waiting: dict[ServerEvent, None] = {}
        self._ends: dict[object, Callable[[], None]] = {}
        self._asking: dict[object, asyncio.Task[None]] = {}

    def watch(self, name: object, watched: bytes, event: ServerEvent, *, is_over: IsOver | None = None) -> None:
        """Tell of an event whenever a topic is told of.

        Args:
            name: What ``unwatch`` calls it.
            watched: The topic.
            event: The event.
            is_over: Tells whether it will not happen any more. It is asked when it is said to be so, for whoever can
                send notices can say that.
        """
        self.unwatch(name)
        self._ends[name] = self._board.watch(watched, partial(self._told, name, event, is_over))

    def unwatch(self, name: object) -> None:
        """Tell no more of what was watched by that name."""
        if (asking := self._asking.pop(name, None)) is not None:
            asking.cancel()
        if (end := self._ends.pop(name, None)) is not None:
            end()

    def names(self) -> set[object]:
        """Return what is watched, as ``watch`` called it."""
        return set(self._ends)

    def __len__(self) -> int:
        return len(self._ends)

    def __contains__(self, name: object) -> bool:
        return name in self._ends

    def open(self, listener: Listener, always: Sequence[ServerEvent] = ()) -> None:
        """From now on, give events to ``listener``, and what came until now at once; ``always`` are published ones."""
        self._listener = listener
        for event in always:
            self.watch(event, _topic_of(event), event)
        for event in self._waiting:
            listener(event)

    def close(self) -> None:
        """Tell nothing more."""
        for name in list(self._ends):
            self.unwatch(name)
        self._listener = None

    def tell(self, event: ServerEvent) -> None:
        """Tell of an event, unless it is on its way anyway."""
        if event not in self._waiting:
            self._waiting[event] = None
            if self._listener is not None:
                self._listener(event)

    def sent(self, event: ServerEvent) -> None:
        """Note that an event is on its way: what changes from now on is another one."""
        self._waiting.pop(event, None)

    def _told(self, name: object, event: ServerEvent, is_over: IsOver | None, kind: Kind) -> None:
        if is_over is not None and kind is Kind.OVER and name not in self._asking:
            self._asking[name] = asyncio.create_task(self._ask(name, is_over))
        self.tell(event)

    async def _ask(self, name: object, is_over: IsOver) -> None:
        """Watch no more what is over; where the store does not say, it is watched on."""
        is_true = False
        with suppress(StoreError):
            is_true = await is_over()
        self._asking.pop(name, None)
        if is_true:
            self.unwatch(name)


def uri_topic(uri: str) -> bytes:
    """Return the topic of a resource that is no session."""
    return topic("uri", uri)


def _topic_of(event: ServerEvent) -> bytes:
    return uri_topic(event.uri) if isinstance(event, ResourceUpdated) else topic("list", type(event).__name__)


_listening: ContextVar[Stream | None] = ContextVar("mcp_sessions_listening", default=None)


@contextmanager
def listening(stream: Stream) -> Iterator[None]:
    """Have the bus take ``stream`` for what the current call listens to."""
    token = _listening.set(stream)
    try:
        yield
    finally:
        _listening.reset(token)
        stream.close()
