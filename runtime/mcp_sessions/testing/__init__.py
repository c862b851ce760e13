"""For tests: what pytest's fixtures are made of, migrations, and the suite that a store of your own must pass.

Needs pytest; the fixtures are those of the plugin, which pytest finds by itself. Hypothesis strategies are in
``mcp_sessions.testing.strategies``.
"""

from typing import TYPE_CHECKING, Any

try:
    import pytest
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "mcp_sessions.testing needs pytest: pip install 'mcp-sessiongen[testing]'", name=missing.name
    ) from None

from mcp_sessions.testing.calling import Era, SessionCall
from mcp_sessions.testing.clock import FakeClock
from mcp_sessions.testing.making import MakeSession
from mcp_sessions.testing.migrations import migrated, recorded
from mcp_sessions.testing.recordings import RecordedSessions

if TYPE_CHECKING:
    from mcp_sessions.testing.contract import StoreContract

__all__ = [
    "Era",
    "FakeClock",
    "MakeSession",
    "RecordedSessions",
    "SessionCall",
    "StoreContract",
    "migrated",
    "recorded",
]

pytest.register_assert_rewrite("mcp_sessions.testing.contract")  # so that its failures say what was wrong


def __getattr__(name: str) -> Any:
    """Import the suite when somebody asks for it: it is large, and few write a store."""
    if name != "StoreContract":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mcp_sessions.testing.contract import StoreContract

    return StoreContract
