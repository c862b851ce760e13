"""What limits can be."""

from typing import Any

import pytest

from mcp_sessions.stores import Limits


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "1"])
def test_a_limit_is_a_whole_number_from_one(limit: Any) -> None:
    with pytest.raises(ValueError, match="value_bytes is a whole number from 1, or None for no limit; got"):
        Limits(value_bytes=limit)
