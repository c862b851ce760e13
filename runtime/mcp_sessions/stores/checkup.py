"""How a store's server is doing, for those who run it: what it is, what time it has, and whether its settings are safe.

A store that can tell has ``inspect``; it is no part of the contract.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

Level: TypeAlias = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Remark:
    """What there is to say of one thing.

    Attributes:
        check: What was looked at, as a word: "eviction".
        level: Whether it is well.
        message: How it is.
        advice: What to do about it; "" where it is well.
    """

    check: str
    level: Level
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Checkup:
    """How a store's server is doing.

    Attributes:
        server: What it is, with its version: "Valkey 9.1.0".
        clock: What time it has, in seconds since the epoch; None where it goes by this machine's clock.
        remarks: What there is to say of it.
    """

    server: str
    clock: float | None
    remarks: tuple[Remark, ...]


@runtime_checkable
class InspectableStore(Protocol):
    """A store that can tell how its server is doing."""

    async def inspect(self) -> Checkup:
        """Look at the server; it changes nothing.

        Raises:
            mcp_sessions.StoreError: If the server cannot be reached, or does not answer.
        """
        ...
