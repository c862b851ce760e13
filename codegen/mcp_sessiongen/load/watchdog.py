"""Ends an import that never would: a schema module that starts a server, or waits for something.

What cannot be interrupted is code that holds on to the interpreter itself, and a module that calls `os._exit` ends this
process: neither can be helped from inside.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

VARIABLE: Final = "MCP_SESSIONGEN_IMPORT_TIMEOUT"
"""The environment variable with the seconds that importing one schema may take."""

_SECONDS: Final = 30.0
_AGAIN: Final = 1.0
_PATIENCE: Final = 3


class ImportTimeout(BaseException):
    """The import took too long. No `Exception`: code that catches those must not go on."""


def allowed_seconds() -> float:
    """Return how long an import may take."""
    try:
        seconds = float(os.environ.get(VARIABLE, ""))
    except ValueError:
        return _SECONDS
    return seconds if 0 < seconds < threading.TIMEOUT_MAX else _SECONDS


@dataclass
class Watch:
    """Tells how often an import was interrupted."""

    rings: int = 0


@contextmanager
def limited(give_up: Callable[[], None]) -> Iterator[Watch]:
    """Raise `ImportTimeout` in what is done here when it takes too long.

    Where signals cannot do that (outside of the main thread, or on Windows), and where the module catches even
    this, `give_up` is called and the process ends with code 2.

    Args:
        give_up: Tells the user, when nothing can be raised any more.
    """
    seconds = allowed_seconds()
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        with _alarm(seconds, give_up) as watch:
            yield watch
        return
    timer = threading.Timer(seconds, _end, [give_up])
    timer.daemon = True
    timer.start()
    try:
        yield Watch()
    finally:
        timer.cancel()


@contextmanager
def _alarm(seconds: float, give_up: Callable[[], None]) -> Iterator[Watch]:
    watch = Watch()

    def ring(number: int, frame: FrameType | None) -> None:
        del number, frame
        watch.rings += 1
        if watch.rings > _PATIENCE:
            _end(give_up)
        raise ImportTimeout

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield watch
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _end(give_up: Callable[[], None]) -> None:
    give_up()
    os._exit(2)
