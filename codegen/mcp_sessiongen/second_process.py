"""A second process that does some of the work, beginning at the other end.

Nothing depends on it. It hands over results as it has them; whatever has not arrived when it is needed is done by the
caller, and so is everything when there is no such process. So results are the same, however fast it is.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

T = TypeVar("T")
R = TypeVar("R")

Arrived: TypeAlias = Callable[[], list[tuple[T, R]]]
"""Returns what has arrived since it was last called: things to do, each with its result."""

_ENOUGH: Final = 100
"""How many things there have to be before a process is worth its start."""

_BATCH: Final = 16


@contextmanager
def second_process(work: Callable[[T], R | None], todo: Sequence[T]) -> Iterator["Arrived[T, R]"]:
    """Have a second process work, if there is much to do, and a processor for it; it ends when the block does.

    Args:
        work: Does one thing; None if that is better left to the caller.
        todo: What there is to do; the second process begins with the last.
    """
    if len(todo) < _ENOUGH or not _is_possible():
        yield list
        return
    from multiprocessing import get_context

    context = get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(work, todo, there), daemon=True)
    try:
        process.start()
    except OSError:  # the system has no process to spare
        yield list
        return
    there.close()
    try:
        yield lambda: _arrived(here)
    finally:
        process.kill()
        process.join()
        here.close()


def _is_possible() -> bool:
    """Tell whether a copy of this process can be made safely, and would run beside it."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return False
    return len(os.sched_getaffinity(0)) > 1


def _serve(work: Callable[[T], R | None], todo: Sequence[T], pipe: "Connection") -> None:
    with suppress(BaseException):  # what fails here is done, and told, by the first process
        for end in range(len(todo), 0, -_BATCH):
            done = [(item, work(item)) for item in todo[max(0, end - _BATCH) : end]]
            pipe.send([(item, result) for item, result in done if result is not None])


def _arrived(pipe: "Connection") -> list[tuple[T, R]]:
    found: list[tuple[T, R]] = []
    with suppress(EOFError, OSError):
        while pipe.poll():
            found.extend(pipe.recv())
    return found
