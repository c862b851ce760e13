"""A clock that only the test moves."""

from typing import Final

from mcp_sessions.durations import Duration, seconds

START: Final = 1_800_000_000.0
"""When every test begins; seconds since the epoch."""


class FakeClock:
    """A clock that stands still until it is told to go; stores take it as their ``clock``.

    Attributes:
        now: Seconds since the epoch.
    """

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return what time it is."""
        return self.now

    def advance(self, by: float | Duration) -> None:
        """Let time pass: seconds, or a duration such as "31m"."""
        self.now += by if isinstance(by, int | float) else seconds(by)
