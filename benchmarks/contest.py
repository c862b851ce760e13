"""Contests: alternatives, each in a process of its own, that perform rounds in turn, and are compared round by round.

A contestant's number of operations a round is fixed after a trial, so that rounds last about as long whoever performs
them. So a busy moment of the machine meets all of them alike, and a slow peer does not make the run an hour.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from children import AbsentError, Child


@dataclass(frozen=True)
class Stat:
    """A median with its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Stat":
        """Return that of some values."""
        low, high = (min(values), max(values)) if len(values) < 3 else statistics.quantiles(values, n=4)[::2]
        return cls(statistics.median(values), low, high)

    def has(self, value: float) -> bool:
        """Tell whether a value lies between the quartiles: the rounds do not agree on which side of it they are."""
        return self.low <= value <= self.high and self.low < self.high

    def scaled(self, factor: float) -> "Stat":
        """Return it in another unit."""
        return Stat(self.median * factor, self.low * factor, self.high * factor)


@dataclass(frozen=True)
class Sample:
    """One round: what an operation took, in seconds: of time, of the child's processor, and of the server's."""

    seconds: float
    cpu: float
    server_cpu: float


@dataclass
class Found:
    """What a contest has found: rounds by contestant, and why those took no part that are missing."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def of(self, name: str, what: str = "seconds") -> Stat:
        """Return what an operation of a contestant takes."""
        return Stat.of([getattr(sample, what) for sample in self._rounds(name)])

    def ratio(self, name: str, base: str, what: str = "seconds") -> Stat:
        """Return how many times as much an operation of one contestant takes as one of another, round by round."""
        pairs = zip(self._rounds(name), self._rounds(base), strict=True)
        return Stat.of([getattr(one, what) / max(getattr(other, what), 1e-9) for one, other in pairs])

    def _rounds(self, name: str) -> list[Sample]:
        if name in self.absent:
            raise AbsentError(self.absent[name])
        return self.samples[name]


def compete(
    children: Mapping[str, Child],
    absent: Mapping[str, str],
    wanted: Mapping[str, Any],
    *,
    rounds: int,
    span: float,
    server_cpu: Callable[[], float] = lambda: 0.0,
) -> Found:
    """Have contestants perform an operation in turn, each round in another order.

    Args:
        children: The contestants.
        absent: Those that are not there, and why.
        wanted: A ``Round``, but for how often.
        rounds: How many rounds count.
        span: How many seconds a round is to take.
        server_cpu: Returns how many seconds the server's processor has worked.
    """
    found = Found(absent=dict(absent))
    often: dict[str, int] = {}
    for name, child in children.items():
        try:
            often[name] = _trial(child, wanted, span)
            found.samples[name] = []
        except AbsentError as error:
            found.absent[name] = str(error)
    for number in range(rounds):
        for name in rotated(list(found.samples), number):
            try:
                found.samples[name].append(_sample(children[name], {**wanted, "each": often[name]}, server_cpu))
            except AbsentError as error:
                found.absent[name] = str(error)
                del found.samples[name]
    return found


def rotated(names: list[str], number: int) -> list[str]:
    """Return names in the order of a round, each round beginning with another."""
    start = number % max(1, len(names))
    return names[start:] + names[:start]


def _trial(child: Child, wanted: Mapping[str, Any], span: float) -> int:
    """Return how many operations of each task take so many seconds; it warms up, too."""
    often = 2
    while True:
        seconds = float(perform(child, {**wanted, "each": often})["seconds"])
        if seconds >= span / 4:
            return max(1, round(often * span / seconds))
        often = min(often * 8, max(often + 1, round(often * span / max(seconds, 1e-6) / 2)))


def perform(child: Child, wanted: Mapping[str, Any], server_cpu: Callable[[], float] = lambda: 0.0) -> dict[str, Any]:
    """Have a round performed and checked; return what it took."""
    child.ask({"do": "begin", **wanted})
    before = server_cpu()
    answer: dict[str, Any] = child.ask({"do": "go"})
    answer["server_cpu"] = server_cpu() - before
    child.ask({"do": "check"})
    return answer


def _sample(child: Child, wanted: Mapping[str, Any], server_cpu: Callable[[], float]) -> Sample:
    took = perform(child, wanted, server_cpu)
    done = took["done"]
    return Sample(took["seconds"] / done, took["cpu"] / done, took["server_cpu"] / done)
