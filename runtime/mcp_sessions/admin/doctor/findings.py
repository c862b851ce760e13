"""What a diagnosis says, and how sessions are counted for it."""

from dataclasses import dataclass, field
from typing import Final

from mcp_sessions.ids import masked
from mcp_sessions.stores.checkup import Level
from mcp_sessions.stores.terms import Address

_NAMED: Final = 10

CHECKS: Final = frozenset(
    (
        *("store", "server", "workers", "clock"),
        *(
            "schemas",
            "newer",
            "older",
            "versions",
            "values",
            "unread",
            "sealed",
            "undeclared",
            "lifetimes",
            "expired",
            "limits",
        ),
        *("permissions", "integrity", "journal"),  # of SQLite
        *("format", "version", "role", "durability", "autovacuum", "connections"),  # of PostgreSQL
        *("eviction", "memory", "persistence"),  # of Redis and Valkey
    )
)
"""What may be looked at; stores of others may have more of their own."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What there is to say of one thing that was looked at.

    Attributes:
        check: What was looked at, as a word: "values".
        level: Whether it is well.
        message: How it is.
        advice: What to do about it; "" where there is nothing to do.
        count: How many sessions, or values, it is about; 0 where it is not about some.
        sessions: The first ten of them, as log lines have them.
    """

    check: str
    level: Level
    message: str
    advice: str = ""
    count: int = 0
    sessions: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """Sessions, or values in them, that have something in common.

    Attributes:
        count: How many.
        sessions: The first ten, masked.
        words: What is said of some of them, each once.
    """

    count: int = 0
    sessions: dict[str, None] = field(default_factory=dict)
    words: dict[str, None] = field(default_factory=dict)

    def add(self, address: Address, word: str = "") -> None:
        """Count one."""
        self.count += 1
        if len(self.sessions) < _NAMED:
            self.sessions[masked(address.id)] = None
        if word and len(self.words) < _NAMED:
            self.words[word] = None

    def finding(self, check: str, level: Level, message: str, advice: str = "") -> Finding:
        """Return what is said of those that were counted."""
        return Finding(check, level, message, advice, self.count, tuple(self.sessions))


def counted(number: int, noun: str) -> str:
    """Return "1 session" or "2 sessions"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
