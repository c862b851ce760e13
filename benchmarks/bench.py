"""What sections are given: servers, environments, sizes, and contests between entries."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from child import Setting
from children import Entry, started
from contest import Found, compete
from environments import peers
from servers import Servers, small_objects

SMALLEST = 1024
"""Bytes of other keys where nothing else is said."""


@dataclass(frozen=True)
class Contest:
    """Contestants that are there, ready to compete."""

    compete: Callable[..., Found]

    def __call__(self, operation: str, *, tasks: int = 1, shared: bool = False, each: int = 0) -> Found:
        """Have them perform an operation in turn."""
        return self.compete({"operation": operation, "tasks": tasks, "shared": shared}, each=each)


@dataclass(frozen=True)
class Bench:
    """One run.

    Attributes:
        servers: Its servers.
        rounds: How many rounds of a contest count.
        span: How many seconds each contestant's part of a round takes, about.
        peers: Whether peers take part.
        scale: What sizes are multiplied by, such as how many schemas there are.
    """

    servers: Servers
    rounds: int = 15
    span: float = 0.1
    peers: bool = True
    scale: float = 1.0

    def scaled(self, size: int) -> int:
        """Return a size for this run."""
        return max(1, round(size * self.scale))

    def ours(self, url: str, sessions: int = 1, other: int = SMALLEST, **options: Any) -> Entry:
        """Return the accessor, on some store."""
        return Entry("accessor", setting(url, sessions, other, **options))

    def raw(self, module: str, url: str, sessions: int = 1, other: int = SMALLEST, **options: Any) -> Entry:
        """Return a contestant that needs no more than we do."""
        return Entry(module, setting(url, sessions, other, **options))

    def peer(self, module: str, url: str, sessions: int = 1, other: int = SMALLEST, **options: Any) -> Entry:
        """Return a contestant in the environment of the peers."""
        return Entry(module, setting(url, sessions, other, **options), peers() if self.peers else None)

    @contextmanager
    def contest(self, entries: Mapping[str, Entry], *, valkey: bool = False) -> Iterator[Contest]:
        """Have contestants prepare themselves; ``valkey`` to measure that server's processor, too."""
        print(f"    {', '.join(entries)}", file=sys.stderr, flush=True)
        with started(entries) as (children, absent):
            if not valkey:
                yield Contest(lambda wanted, each: self._compete(children, absent, wanted, each, lambda: 0.0))
                return
            with self.servers.valkey_cpu() as cpu:
                yield Contest(lambda wanted, each: self._compete(children, absent, wanted, each, cpu))

    def _compete(
        self, children: Any, absent: Any, wanted: Mapping[str, Any], each: int, cpu: Callable[[], float]
    ) -> Found:
        rounds, span = self.rounds, self.span
        return compete(children, absent, wanted, rounds=rounds, span=span, server_cpu=cpu, each=each)


def setting(url: str, sessions: int, other: int, **options: Any) -> Setting:
    """Return what is to be prepared: so many sessions with so many bytes of other keys."""
    return Setting(url, sessions, small_objects(other) if other else {}, options=options)
