"""What of values is shown, and how: secrets are masked, numbers keep their digits, types are as people write them."""

import json
import subprocess
import sys
from enum import Enum
from typing import Annotated, Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, JsonValue

from mcp_sessions.admin import MASK, is_secret_name
from mcp_sessions.admin.json_text import DEEPEST, INDENTATION, shown
from mcp_sessions.admin.statistics import Distinct, bound_of
from mcp_sessions.admin.type_text import type_text
from mcp_sessions.hiding import hidden, restored

SECRETS = """password passwd user_password passwordHash DB_PASSWORD api_key apiKey APIKey apikey token access_token
    accessToken accesstoken auth-token refresh_tokens secret client_secret clientSecret credentials private_key
    privateKeys signing_key authorization Authorization bearer jwt pwd passphrase otp cvv SSH_KEY"""
PLAIN = """name tokens max_tokens token_count tokenizer key keys monkey keyboard author authors secretary_name pin
    passenger compass coupon status id session path otpauth_like"""


@pytest.mark.parametrize("name", SECRETS.split())
def test_a_name_tells_a_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", [*PLAIN.split(), "", "_", "ключ"])
def test_other_names_do_not(name: str) -> None:
    assert not is_secret_name(name)


def test_secrets_inside_of_values_are_masked_wherever_they_are() -> None:
    value = {"a": [{"token": "x", "has_password": True, "secret": None, "n": 1}], "login": {"api_key": {"deep": 1}}}
    assert hidden(value) == (
        {"a": [{"token": MASK, "has_password": True, "secret": None, "n": 1}], "login": {"api_key": MASK}},
        True,
    )
    assert hidden({"a": [1, "token"]}) == ({"a": [1, "token"]}, False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "token", "password", "b"]), inner),
    max_leaves=20,
)


def has_list(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, dict) and any(map(has_list, value.values())))


@given(JSON.filter(lambda value: not has_list(value)))
def test_what_was_masked_in_objects_is_restored(value: Any) -> None:
    assert restored(hidden(value)[0], value) == value


def test_a_mask_for_which_there_is_no_secret_is_refused() -> None:
    for value, former in (({"token": MASK}, {}), ([{"token": MASK}], [{"token": "x"}]), ({"a": {"token": MASK}}, None)):
        with pytest.raises(ValueError, match="token"):
            restored(value, former)
    assert restored({"name": MASK}, {}) == {"name": MASK}, "it is no secret's name"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"1.10", "1.10"),
        (b"1e400", "1e400"),
        (b"9" * 5000, "9" * 5000),
        (b"NaN", "NaN"),
        (b'"\\ud800"', '"\\ud800"'),
        ('"ключ\\u001b"'.encode(), '"ключ\\u001b"'),
        (b"[]", "[]"),
        (b"{}", "{}"),
        (b'{"a":[1,{"b":null}],"c":true}', '{\n  "a": [\n    1,\n    {\n      "b": null\n    }\n  ],\n  "c": true\n}'),
        (b'{"pwd":12.5}', '{\n  "pwd": "********"\n}'),
    ],
)
def test_values_are_shown_with_the_digits_that_are_stored(raw: bytes, text: str) -> None:
    assert shown(raw, reveal=False).text == text


@pytest.mark.parametrize("raw", [b"", b"\xff", b"{", b"[" * 100_000, b"\xfa\x01"])
def test_what_is_no_json_is_not_shown(raw: bytes) -> None:
    assert shown(raw, reveal=True) == (None, False)


class Colour(Enum):
    RED = "red"


class Box(BaseModel):
    inner: "Box | None" = None


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (Annotated[int, Field(ge=0)], "int"),
        (list[Annotated[str, Field(max_length=3)]], "list[str]"),
        (dict[str, list[Box]], "dict[str, list[Box]]"),
        (Optional["Box"], "Box | None"),
        (int | None, "int | None"),
        (Literal["a", 1, None], "Literal['a', 1, None]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Colour, "Colour"),
        (Any, "Any"),
        (None, "None"),
        (JsonValue, "JsonValue"),
    ],
)
def test_types_are_written_as_people_write_them(annotation: Any, text: str) -> None:
    assert type_text(annotation) == text


def test_the_library_imports_neither_the_sdk_nor_the_compiler() -> None:
    code = "import sys, mcp_sessions.admin; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    imported = set(done.stdout.split())
    assert "mcp_sessions" in imported
    assert imported.isdisjoint({"mcp", "mcp_sessiongen", "click", "jinja2", "pytest", "starlette", "redis", "psycopg"})


def test_few_texts_are_counted_exactly_and_many_nearly_in_the_same_room() -> None:
    counter = Distinct()
    for number in range(4000):
        counter.add(f"owner {number % 2000}")
    assert (len(counter), counter.is_exact) == (2000, True)
    for number in range(50_000):
        counter.add(f"owner {number}")
        counter.add(f"owner {number // 2}")
    assert not counter.is_exact
    assert len(counter) == pytest.approx(50_000, rel=0.06)
    assert len(counter._kept) == len(counter._largest) == 4096


def test_sizes_are_counted_by_powers_of_four() -> None:
    assert [bound_of(size) for size in (0, 64, 65, 256, 257, 10_000_000)] == [64, 64, 256, 256, 1024, 16777216]


def nested(depth: int, inside: str) -> bytes:
    return ("[" * depth + inside + "]" * depth).encode()


def test_a_value_that_is_nested_and_long_has_a_text_that_is_little_longer() -> None:
    """With an indentation as deep as it is nested, a session could be written that nobody can look at."""
    for raw in (nested(200, ",".join("1" * 50_000)), nested(15, ",".join("1" * 200_000)), nested(400, "")):
        text, _ = shown(raw, reveal=True)
        assert text is not None
        assert len(text) < 2 * len(raw) + INDENTATION + 100
        assert json.loads(text) == json.loads(raw)


def test_what_is_nested_deep_is_written_on_one_line() -> None:
    text, _ = shown(nested(DEEPEST + 1, '1,{"a":[2,3]},[]'), reveal=True)
    assert text is not None
    assert f'\n{"  " * DEEPEST}[1, {{"a": [2, 3]}}, []]\n' in text
    assert text.count("\n") == 2 * DEEPEST
