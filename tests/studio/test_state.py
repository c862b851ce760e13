"""What a running studio remembers."""

import pytest

from mcp_sessiongen.studio import state
from mcp_sessiongen.studio.access import Visitors
from mcp_sessiongen.studio.state import Remembered, Studio
from mcp_sessions.admin import Catalog
from mcp_sessions.stores import MemoryStore


def test_the_latest_names_are_remembered_and_the_oldest_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_MOST_REMEMBERED", 2)
    names = Remembered[int]()
    for number, name in enumerate("abca"):
        names[name] = number
    assert dict(names) == {"c": 2, "a": 3}


def test_the_first_eight_schemas_have_colours_of_their_own() -> None:
    made = Studio(store=MemoryStore(), catalog=Catalog(), shown_store="", port=1, visitors=Visitors("t"))
    colours = [made.colour(name) for name in "abcdefgha"]
    assert len(set(colours[:8])) == 8
    assert colours[8] == colours[0]
