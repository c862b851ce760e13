"""Keeping sessions alive while requests that use them last, however long that is."""

import asyncio
import logging
from contextvars import Context
from dataclasses import replace
from typing import Final
from weakref import WeakKeyDictionary

from mcp_sessions.context import Call
from mcp_sessions.errors import StoreError
from mcp_sessions.stores.base import Access, NotLiveError, Store

_log: Final = logging.getLogger("mcp_sessions")


class Heartbeat:
    """Uses the sessions of all calls that last, every so many seconds.

    There is one timer for all of them, set when the first begins: a call that is over before costs next to nothing.

    Args:
        every: So many seconds.
    """

    def __init__(self, every: float) -> None:
        self._every = every
        self._pulses: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pulse] = WeakKeyDictionary()

    def during(self, call: Call) -> "_Beating":
        """Return a context manager: while its block runs, the sessions that ``call`` means are kept alive."""
        loop = asyncio.get_running_loop()
        pulse = self._pulses.get(loop)
        if pulse is None:
            pulse = self._pulses[loop] = _Pulse(self._every)
        return _Beating(pulse, call)


class _Beating:
    """One call, for as long as it lasts."""

    __slots__ = ("_pulse", "call")

    def __init__(self, pulse: "_Pulse", call: Call) -> None:
        self._pulse = pulse
        self.call = call

    def __enter__(self) -> None:
        self._pulse.begin(self)

    def __exit__(self, *error: object) -> None:
        self._pulse.end(self)


class _Pulse:
    """The calls of one event loop."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._lasting: set[_Beating] = set()
        self._is_set = False
        self._task: asyncio.Task[None] | None = None

    def begin(self, one: _Beating) -> None:
        self._lasting.add(one)
        if not self._is_set:
            self._set()

    def end(self, one: _Beating) -> None:
        self._lasting.discard(one)
        if self._task is not None and not self._lasting:
            self._task.cancel()

    def _set(self) -> None:
        self._is_set = True
        # In a context of its own: that of the call would hold the call, and what the SDK has of it, long after its end.
        asyncio.get_running_loop().call_later(self._every, self._due, context=Context())

    def _due(self) -> None:
        self._is_set = False
        if self._lasting:
            self._set()
            if self._task is None or self._task.done():  # else the store takes longer than that
                self._task = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        meant = {
            (id(one.call.store), access.address, access.owner): (one.call.store, access)
            for one in self._lasting
            for access in list(one.call.used.values())  # to which a tool may add from a thread
        }
        await asyncio.gather(*(_use(store, access) for store, access in meant.values()))


async def _use(store: Store, access: Access) -> None:
    try:
        await store.touch(replace(access, begin=None))
    except NotLiveError:  # not begun yet, or ended meanwhile: nothing may bring it back
        return
    except StoreError as error:
        _log.warning("a session could not be kept alive during a long request: %s", error)
