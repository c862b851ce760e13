"""Durations as people write and read them."""

from datetime import timedelta

import pytest

from mcp_sessions.durations import in_words, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30m", 1800), ("24h", 86400), ("1h30m", 5400), ("90s", 90), ("7d", 604800), ("0.5h", 1800)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, expected: float) -> None:
    assert seconds(text) == expected


def test_a_timedelta_is_a_duration() -> None:
    assert seconds(timedelta(minutes=5)) == 300


@pytest.mark.parametrize("bad", ["30", "", "m", "30 m", "-30m", "30m ", "1e3s", "0s", timedelta(0), timedelta(-1), 30])
def test_anything_else_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match=r"duration|longer than nothing"):
        seconds(bad)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(
    ("total", "words"),
    [
        (1800, "30 minutes"),
        (86400, "1 day"),
        (5400, "1 hour 30 minutes"),
        (90061, "1 day 1 hour 1 minute 1 second"),
        (0.2, "less than a second"),
    ],
)
def test_a_duration_is_said_as_a_person_would(total: float, words: str) -> None:
    assert in_words(total) == words
