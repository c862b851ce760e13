"""The board: what changed is posted here, and told to whoever watches, in this process and in all that share the store.

Several changes of one thing within some hundredths of a second are told once. What is on the board is no more than a
digest of what changed: neither an id nor a value. Knows nothing of protocols; ``bus`` and ``subscriptions`` do.
"""

import asyncio
import hashlib
import json
import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing, suppress
from enum import IntEnum
from functools import lru_cache
from typing import Final, TypeAlias

from mcp_sessions.errors import StoreError
from mcp_sessions.stores.notices.base import MESSAGE_BYTES, Notices
from mcp_sessions.stores.terms import Address

_log: Final = logging.getLogger("mcp_sessions")

PAUSE_SECONDS: Final = 0.03
"""How long changes are collected before they are told."""

PATIENCE_SECONDS: Final = 5.0
"""How long a listener waits for the store to listen too, and the end of a server for what is still to be told."""

_RETRY_SECONDS: Final = (0.05, 5.0)
"""How long to wait before the store is asked again, at first and at most."""

_TOPIC_BYTES: Final = 16
_ORIGIN_BYTES: Final = 8
_IN_A_MESSAGE: Final = (MESSAGE_BYTES - _ORIGIN_BYTES) // (_TOPIC_BYTES + 1)

_MOST: Final = 10 * _IN_A_MESSAGE
"""How many topics wait to be told to other processes at most; if there are more, they are told that anything changed"""

_EVERYTHING: Final = bytes(_TOPIC_BYTES)


class Kind(IntEnum):
    """What is told of a topic; of several that meet, the greatest is."""

    UNSURE = 1
    """It may have changed: somebody who could have told was not heard for a while."""
    CHANGED = 2
    OVER = 3
    """The session is over, or somebody says so who can send notices: the store knows."""


Tell: TypeAlias = Callable[[Kind], None]


@lru_cache(maxsize=4096)
def topic_of(address: Address) -> bytes:
    """Return the topic of a session, from which nobody can tell its id."""
    return topic("session", address.space, address.id, address.schema)


def topic(*parts: str) -> bytes:
    """Return the topic of something that has this name."""
    name = json.dumps(parts, ensure_ascii=True, separators=(",", ":")).encode()
    return hashlib.sha256(b"mcp-sessions notice\0" + name).digest()[:_TOPIC_BYTES]


class Board:
    """Where changes are posted and watched; one for each store that somebody uses.

    Watching belongs to one event loop at a time; posting may be done from any. Nothing runs before the first use, and
    after ``aclose`` it may be used again.

    Args:
        notices: How other processes are told, and tell.
        pause: Seconds for which changes are collected.
    """

    def __init__(self, notices: Notices, *, pause: float = PAUSE_SECONDS) -> None:
        self._notices = notices
        self._pause = pause
        self._origin = secrets.token_bytes(_ORIGIN_BYTES)
        self._lock = threading.Lock()
        self._home: asyncio.AbstractEventLoop | None = None
        self._due_at: asyncio.AbstractEventLoop | None = None
        self._fresh: dict[bytes, Kind] = {}
        self._outgoing: dict[bytes, Kind] = {}
        self._watchers: dict[bytes, dict[object, Tell]] = {}
        self._sender: asyncio.Task[None] | None = None
        self._receiver: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._hears = asyncio.Event()

    # Posting

    def post(self, kind: Kind, *topics: bytes) -> None:
        """Have it told that something changed, within ``pause``; costs no more than a note of it."""
        running = asyncio.get_running_loop()
        with self._lock:
            _merge(self._fresh, topics, kind)
            if self._due_at is not None and self._due_at.is_running():
                return
            if self._home is None or not self._home.is_running():
                self._home = running
            home = self._due_at = self._home
        if home is running:
            home.call_later(self._pause, self._flush)
        else:
            with suppress(RuntimeError):  # that loop has just ended
                home.call_soon_threadsafe(home.call_later, self._pause, self._flush)

    def _flush(self) -> None:
        """Tell what is fresh, here at once and elsewhere as soon as the store takes it."""
        home = self._home
        running = asyncio.get_running_loop()
        if home is not None and home is not running and home.is_running():
            with suppress(RuntimeError):
                home.call_soon_threadsafe(self._flush)
                return
        with self._lock:
            fresh, self._fresh, self._due_at = self._fresh, {}, None
        self._deliver(fresh)
        for found, kind in fresh.items():
            _merge(self._outgoing, (found,), kind)
        if self._outgoing and not _is_at_work(self._sender):
            self._sender = running.create_task(self._send())

    async def _send(self) -> None:
        first, most = _RETRY_SECONDS
        delay = first
        while self._outgoing:
            notes, self._outgoing = self._outgoing, {}
            try:
                for message in self._messages(notes):
                    await self._notices.publish(message)
            except StoreError as error:
                for found, kind in notes.items():
                    _merge(self._outgoing, (found,), kind)
                if delay == first:  # once, until it works again
                    _log.warning("other processes could not be told of changes, and it is tried again: %s", error)
                await asyncio.sleep(delay)
                delay = min(2 * delay, most)
            else:
                delay = first

    def _messages(self, notes: Mapping[bytes, Kind]) -> Iterable[bytes]:
        told = [bytes((kind,)) + found for found, kind in notes.items()]
        for start in range(0, len(told), _IN_A_MESSAGE):
            yield self._origin + b"".join(told[start : start + _IN_A_MESSAGE])

    # Watching

    async def ready(self) -> bool:
        """Listen to other processes, and return once it does so; False if the store is not there by now."""
        self._listen()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._hears.wait()
        return self._hears.is_set()

    def watch(self, watched: bytes, tell: Tell) -> Callable[[], None]:
        """Have ``tell`` called whenever something is told of a topic; return what ends that.

        It is called in the current event loop, and is not to wait, nor to raise.
        """
        self._listen()
        token = object()
        self._watchers.setdefault(watched, {})[token] = tell

        def end() -> None:
            watchers = self._watchers.get(watched, {})
            watchers.pop(token, None)
            if not watchers:
                self._watchers.pop(watched, None)
            if not self._watchers:
                self._stop_listening()

        return end

    def _listen(self) -> None:
        running = asyncio.get_running_loop()
        if _is_at_work(self._receiver) and self._home is running:
            return
        with self._lock:
            self._home = running
        self._hears = asyncio.Event()
        self._receiver = running.create_task(self._receive())

    def _stop_listening(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None and _is_at_work(receiver):
            receiver.cancel()
            self._leaving.add(receiver)
            receiver.add_done_callback(self._leaving.discard)

    async def _receive(self) -> None:
        first, most = _RETRY_SECONDS
        delay, hears = first, self._hears
        while True:
            try:
                async with aclosing(self._notices.listen()) as heard:
                    async for message in heard:
                        if message is None:
                            delay = first
                            hears.set()
                            self._deliver({_EVERYTHING: Kind.UNSURE})
                        else:
                            self._hear(message)
            except StoreError as error:
                if delay == first:
                    _log.warning("changes in other processes are not heard of, and it is tried again: %s", error)
            except Exception:
                _log.exception("changes in other processes are not heard of, and it is tried again")
            hears.clear()
            await asyncio.sleep(delay)
            delay = min(2 * delay, most)

    def _hear(self, message: bytes) -> None:
        if message[:_ORIGIN_BYTES] == self._origin or len(message) > MESSAGE_BYTES:
            return
        size = _TOPIC_BYTES + 1
        notes = (message[start : start + size] for start in range(_ORIGIN_BYTES, len(message), size))
        known = set(Kind)
        heard = {note[1:]: Kind(note[0]) for note in notes if len(note) == size and note[0] in known}
        if _EVERYTHING in heard:
            heard[_EVERYTHING] = Kind.UNSURE
        self._deliver(heard)

    def _deliver(self, notes: Mapping[bytes, Kind]) -> None:
        for found, kind in notes.items():
            everybody = [(each, kind) for each in self._watchers] if found == _EVERYTHING else [(found, kind)]
            for watched, what in everybody:
                for tell in list(self._watchers.get(watched, {}).values()):
                    try:
                        tell(what)
                    except Exception:
                        _log.exception("somebody could not be told of a change")

    # The end

    async def aclose(self) -> None:
        """Tell what is still to be told, then stop; what the store does not take by then is given up."""
        self._stop_listening()
        self._flush()
        sender, self._sender = self._sender, None
        here = asyncio.get_running_loop()
        last = [task for task in (sender, *self._leaving) if task is not None and task.get_loop() is here]
        if last:
            await asyncio.wait(last, timeout=PATIENCE_SECONDS)
        for task in last:
            task.cancel()
        await self._notices.aclose()


def _merge(notes: dict[bytes, Kind], topics: Iterable[bytes], kind: Kind) -> None:
    """Add topics to what is to be told; if that becomes too much, anything may have changed."""
    if _EVERYTHING in notes:
        return
    for each in topics:
        notes[each] = max(kind, notes.get(each, kind))
    if len(notes) > _MOST or _EVERYTHING in notes:
        notes.clear()
        notes[_EVERYTHING] = Kind.UNSURE


def _is_at_work(task: asyncio.Task[None] | None) -> bool:
    """Tell whether a task will go on: neither it nor its event loop is over."""
    return task is not None and not task.done() and not task.get_loop().is_closed()
