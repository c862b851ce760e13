"""The retry loop of every compare-and-set: how often it is tried, and how long it pauses in between."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable, iscoroutine
from typing import Final

from typing_extensions import TypeVar

R = TypeVar("R")

ATTEMPTS: Final = 100
_LONGEST_PAUSE: Final = 0.05


class Beaten(Exception):
    """Others changed meanwhile what an attempt had read; never seen by users, who get a ``SessionConflictError``.

    Attributes:
        actual: What the keys that were expected to be as before hold now.
    """

    def __init__(self, actual: Mapping[str, bytes | None]) -> None:
        super().__init__("others came first")
        self.actual = actual


async def until_written(attempt: Callable[[], Awaitable[R]]) -> R:
    """Run ``attempt``, which reads and writes, until it is not beaten; pauses are random, so that rivals part.

    Raises:
        Beaten: If the last attempt was beaten too.
    """
    for number in range(ATTEMPTS - 1):
        try:
            return await attempt()
        except Beaten:
            await asyncio.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.001 * 2 ** min(number, 10))))
    return await attempt()


def require_value(result: object, method: str) -> None:
    """Make sure that a function that may run again is not async, whatever it looks like: a lambda may be around it.

    Raises:
        TypeError: If it returned something to be awaited.
    """
    if isawaitable(result):
        if iscoroutine(result):
            result.close()
        raise TypeError(f"{method}() takes a function that does not return an awaitable; nothing was written")
