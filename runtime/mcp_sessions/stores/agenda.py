"""What is due when, in memory: one valid entry for each name, and some that are stale."""

import heapq
from math import inf
from typing import Final, Generic, TypeVar

Name = TypeVar("Name")

_STALE: Final = 64
"""How many entries may be stale, besides as many as are valid, before the agenda is made anew."""


class Agenda(Generic[Name]):
    """Names in the order of their times; a time may be put off without telling, so it is asked for again when due.

    Attributes:
        first: Nothing is due before that; asking for the ``next`` brings it up to date.
    """

    def __init__(self) -> None:
        self.first = inf
        self._heap: list[tuple[float, Name]] = []
        self._entered: dict[Name, float] = {}

    def enter(self, name: Name, due: float) -> None:
        """Put a name on the agenda, unless it is there for an earlier time: then it is looked at again."""
        if due < self._entered.get(name, inf):
            heapq.heappush(self._heap, (due, name))
            self._entered[name] = due
            self._update()

    def strike(self, name: Name) -> None:
        """Take a name off the agenda, if it is there."""
        self._entered.pop(name, None)
        if len(self._heap) > 2 * len(self._entered) + _STALE:
            self._heap = [(due, name) for name, due in self._entered.items()]
            heapq.heapify(self._heap)

    def next(self, now: float) -> Name | None:
        """Take the first name off the agenda whose time has come, and return it; None if there is none."""
        while self._heap and self._heap[0][0] <= now:
            at, name = heapq.heappop(self._heap)
            if self._entered.get(name) == at:
                del self._entered[name]
                self._update()
                return name
        self._update()
        return None

    def _update(self) -> None:
        self.first = self._heap[0][0] if self._heap else inf
