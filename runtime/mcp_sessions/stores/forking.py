"""Keeping open files out of forked children.

A SQLite connection that is open while the process forks poisons the child: SQLite there believes that it holds
locks that are its parent's. So whoever has one open is paused before each fork, and closes it.
"""

import os
import threading
import weakref
from typing import Final, Protocol


class Pausable(Protocol):
    """Something that can be made to leave the system alone for a while."""

    def pause(self) -> None:
        """Wait for what is going on, then let go of everything until ``resume``."""
        ...

    def resume(self) -> None:
        """Go on after ``pause``; called in the parent alone."""
        ...


def pause_at_fork(pausable: Pausable) -> None:
    """From now on, as long as it lives, pause ``pausable`` while the process forks."""
    with _forking:
        _known.add(pausable)


_forking: Final = threading.Lock()
_known: Final[weakref.WeakSet[Pausable]] = weakref.WeakSet()
_paused: Final[list[Pausable]] = []


def _before() -> None:
    _forking.acquire()
    _paused.extend(_known)
    for pausable in _paused:
        pausable.pause()


def _after_in_parent() -> None:
    for pausable in _paused:
        pausable.resume()
    _paused.clear()
    _forking.release()


def _after_in_child() -> None:
    _paused.clear()
    _known.clear()
    _forking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
