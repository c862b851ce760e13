"""What sections are given: servers, environments, sizes, and contests between entries."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, Protocol

from child import Setting
from children import Entry, started
from contest import Found, compete
from environments import peers
from places import Servers, small_objects

SMALLEST: Final = 1024
"""Bytes of other keys where nothing else is said."""
_NO_SERVER: Final = nullcontext(lambda: 0.0)


class Contest(Protocol):
    """Has contestants that are there perform an operation in turn."""

    def __call__(self, operation: str, *, tasks: int = 1) -> Found:
        """Have so many tasks perform it, each on a session of its own."""
        ...


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
    rounds: int = 11
    span: float = 0.1
    peers: bool = True
    scale: float = 1.0

    def scaled(self, size: int) -> int:
        """Return a size for this run."""
        return max(1, round(size * self.scale))

    def ours(self, url: str, sessions: int = 1, other: int = SMALLEST, **options: Any) -> Entry:
        """Return the accessor, on some store."""
        return self.raw("accessor", url, sessions, other, **options)

    def raw(self, module: str, url: str, sessions: int = 1, other: int = SMALLEST, **options: Any) -> Entry:
        """Return a contestant in the environment that we have ourselves: raw clients and drivers."""
        return Entry(module, setting(url, sessions, other, **options))

    def peer(self, module: str, url: str, sessions: int = 1, other: int = SMALLEST, **options: Any) -> Entry:
        """Return a contestant in the environment of the peers."""
        python, lacking = (peers(), "it could not be installed") if self.peers else (None, "it was left out")
        return Entry(module, setting(url, sessions, other, **options), python, lacking)

    @contextmanager
    def contest(
        self, entries: Mapping[str, Entry], *, valkey: bool = False, postgres: bool = False
    ) -> Iterator[Contest]:
        """Have contestants prepare themselves; ``valkey`` or ``postgres`` to measure that server's processor, too."""
        print(f"    {', '.join(entries)}", file=sys.stderr, flush=True)
        server = self.servers.valkey_cpu() if valkey else self.servers.postgres_cpu() if postgres else _NO_SERVER
        with started(entries) as (children, absent), server as cpu:

            def contest(operation: str, *, tasks: int = 1) -> Found:
                wanted = {"operation": operation, "tasks": tasks}
                return compete(children, absent, wanted, rounds=self.rounds, span=self.span, server_cpu=cpu)

            yield contest


def setting(url: str, sessions: int, other: int, **options: Any) -> Setting:
    """Return what is to be prepared: so many sessions with so many bytes of other keys."""
    return Setting(url, sessions, small_objects(other) if other else {}, options=options)
