"""Documentation is the same text from either form of a schema."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_sessiongen.doc_text import normal_doc

TEXTS = st.text(st.one_of(st.sampled_from(" \t\n\r\x0b\x85\u2003ab"), st.characters(codec="utf-8")), max_size=40)


@given(TEXTS)
def test_the_normal_form_stays_as_it_is(text: str) -> None:
    assert normal_doc(normal_doc(text)) == normal_doc(text)


@given(TEXTS)
def test_a_docstring_of_it_gives_it_back(text: str) -> None:
    doc = normal_doc(text)
    written = "".join(f"\n    {line}" if line else "\n" for line in doc.split("\n")) + "\n    "
    assert normal_doc(inspect.cleandoc(written)) == doc


@pytest.mark.parametrize(
    ("text", "doc"),
    [
        ("One line.\n", "One line."),
        ("\n    First.\n\n      Indented.\n", "First.\n\n  Indented."),
        ("a\r\nb\rc", "a\nb\nc"),
        (" \t \n", ""),
    ],
)
def test_what_blanks_mean(text: str, doc: str) -> None:
    assert normal_doc(text) == doc
