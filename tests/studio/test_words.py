"""How numbers, moments and JSON are written on pages."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from mcp_sessiongen.studio import words
from mcp_sessiongen.studio.json_text import marked


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0.4, "0s"),
        (59.4, "59s"),
        (60, "1m 00s"),
        (1752, "29m 12s"),
        (3600, "1h 00m"),
        (3 * 3600 + 300, "3h 05m"),
        (86400, "1d 00h"),
        (10 * 86400 + 7 * 3600, "10d 07h"),
    ],
)
def test_a_duration_has_its_two_greatest_units(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 KiB"),
        (1024, "1 KiB"),
        (1500, "1.5 KiB"),
        (65536, "64 KiB"),
        (1024**2, "1 MiB"),
        (5 * 1024**5, "5120 TiB"),
    ],
)
def test_a_size_has_few_digits(number: int, text: str) -> None:
    assert words.size(number) == text


def test_moments_are_in_utc_and_odd_ones_are_no_error() -> None:
    assert words.moment(1_800_000_000.5) == "2027-01-15 08:00:00 UTC"
    assert words.machine_moment(1_800_000_000) == "2027-01-15T08:00:00+00:00"
    for odd in (1e30, float("inf"), float("nan"), -1e30):
        assert words.moment(odd) == "out of any calendar"
        assert words.machine_moment(odd) == ""


def test_numbers_of_things_are_words() -> None:
    assert words.counted(1, "key") == "1 key"
    assert words.counted(1204, "session") == "1,204 sessions"
    assert words.shortened("abcdef", 4) == "abc…"
    assert words.shortened("abcd", 4) == "abcd"


def test_the_parts_of_json_are_marked() -> None:
    text = marked('{\n  "na\\"me": ["x", -1.5e3, true, null]\n}')
    assert re.findall(r'<span class="j-(\w+)">(.*?)</span>', text) == [
        ("name", "&#34;na\\&#34;me&#34;"),
        ("text", "&#34;x&#34;"),
        ("number", "-1.5e3"),
        ("word", "true"),
        ("word", "null"),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON.map(lambda value: json.dumps(value, indent=2, ensure_ascii=False)) | st.text())
def test_marking_changes_no_text_and_lets_no_markup_through(text: str) -> None:
    made = marked(text)
    assert Markup(made).striptags() == Markup.escape(text).striptags()
    bare = re.sub(r'<span class="j-(name|text|number|word)">|</span>', "", made)
    assert "<" not in bare
    assert Markup(bare).unescape() == text


@given(st.text(alphabet='"\\:', max_size=4000))
def test_marking_is_quick_whatever_is_there(text: str) -> None:
    assert Markup(re.sub(r"</?span[^>]*>", "", marked(text * 20))).unescape() == text * 20


@pytest.mark.parametrize("end", ["", "\\", "\\…", "…", "\\\n"])
def test_a_text_that_was_cut_off_is_one_text_however_many_quotes_it_has(end: str) -> None:
    """Else each of the quotes would be taken for the beginning of another, and looked through to the end."""
    cut = '"' + '\\"' * 1000 + end
    made = marked(cut)
    assert re.findall(r'<span class="j-(\w+)">', made) == ["text"]
    assert Markup(re.sub(r"</?span[^>]*>", "", made)).unescape() == cut
