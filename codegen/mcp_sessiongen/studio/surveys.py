"""Work that goes through a whole store: done in the background, once for all who ask, and not again at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

V = TypeVar("V")

Work = Callable[[Callable[[int], None]], Awaitable[V]]
"""What is done; it is given a function to say of how many more sessions it has been done."""

PATIENCE_SECONDS: Final = 1.5
"""How long a page waits for the outcome before it says how far things are."""

FRESH_SECONDS: Final = 2.0
"""How long an outcome is good at least; what took long is good for ten times as long as it took."""


class Survey(Generic[V]):
    """The latest outcome of some work on the store, and the work under way for the next one.

    Attributes:
        done_for: Of how many sessions the work under way has been done.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, patience: float = PATIENCE_SECONDS) -> None:
        self._clock = clock
        self._patience = patience
        self._task: asyncio.Task[V] | None = None
        self._outcome: V | None = None
        self._good_until = 0.0
        self.done_for = 0

    async def look(self, work: Work[V]) -> V | None:
        """Return an outcome that is fresh enough, or the one before if that is all there is yet; None for none yet.

        Raises:
            Exception: What the work raises; the next look begins it anew.
        """
        if self._outcome is not None and self._clock() < self._good_until:
            return self._outcome
        if self._task is None:
            self.done_for = 0
            self._task = asyncio.create_task(self._perform(work))
            self._task.add_done_callback(_heeded)
        task = self._task
        await asyncio.wait([task], timeout=self._patience)
        if not task.done():
            return self._outcome
        return task.result()

    def forget(self) -> None:
        """Count the latest outcome as old, because something was changed."""
        self._good_until = 0.0

    async def aclose(self) -> None:
        """Stop what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _perform(self, work: Work[V]) -> V:
        began = self._clock()
        try:
            self._outcome = await work(self._progressed)
            took = self._clock() - began
            self._good_until = self._clock() + max(FRESH_SECONDS, 10 * took)
            return self._outcome
        finally:
            self._task = None

    def _progressed(self, more: int) -> None:
        self.done_for += more


def _heeded(task: "asyncio.Task[V]") -> None:
    """Take note of how a task ended, so that an error that nobody waits for is no warning of asyncio's."""
    if not task.cancelled():
        task.exception()
