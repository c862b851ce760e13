"""Adding to numbers and lists as JSON text does what Python does."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_sessions import SessionDataError
from mcp_sessions.stores.jsontext import added, appended

NUMBERS = st.integers() | st.floats(allow_nan=False)


@given(NUMBERS, NUMBERS)
def test_adding_is_what_python_adds(held: float, by: float) -> None:
    try:
        total = held + by
    except OverflowError:
        with pytest.raises(SessionDataError):
            added(json.dumps(held).encode(), by)
        return
    summed = json.loads(added(json.dumps(held).encode(), by))
    assert type(summed) is type(total)
    assert summed == total or total != total


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=5)


@given(st.lists(JSON), st.lists(JSON), st.booleans())
def test_splicing_an_array_is_what_python_concatenates(held: list[object], more: list[object], spaced: bool) -> None:
    text = json.dumps(held, indent=2 if spaced else None).encode()
    assert json.loads(appended(text, [json.dumps(item).encode() for item in more])) == held + more
