"""For tests: a clock that stands still, migrations, and the suite that a store of your own must pass. Needs pytest."""

import pytest

pytest.register_assert_rewrite("mcp_sessions.testing.contract")

from mcp_sessions.testing.clock import FakeClock  # noqa: E402 -- after that, so that failures of the suite say what was wrong
from mcp_sessions.testing.contract import StoreContract  # noqa: E402
from mcp_sessions.testing.migrations import migrated, recorded  # noqa: E402 -- it stands with the others

__all__ = ["FakeClock", "StoreContract", "migrated", "recorded"]
