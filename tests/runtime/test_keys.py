"""Values on their way to bytes and back."""

import enum
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator
from pydantic_core import PydanticCustomError

from mcp_sessions.errors import SessionDataError, SessionValueError
from mcp_sessions.forms import UNSET
from mcp_sessions.json_key import JsonKey
from mcp_sessions.keys import DictKey, Key, ListKey, NumberKey
from mcp_sessions.schema import ValueModel


class Colour(enum.Enum):
    RED = "red"


class Line(ValueModel):
    sku: str
    qty: Annotated[int, Field(ge=1)] = 1
    data: bytes = b""


class Plain(BaseModel):
    size: float


VALUES: list[tuple[Any, Any]] = [
    (str, 'a "quoted"\nline \N{SNOWMAN} \0'),
    (int, 2**80),
    (float, 0.1 + 0.2),
    (float, math.inf),
    (bool, True),
    (bytes, bytes(range(256))),
    (Decimal, Decimal("1.10")),
    (datetime, datetime(2026, 7, 28, 12, tzinfo=UTC)),
    (timedelta, timedelta(hours=1, microseconds=3)),
    (UUID, UUID(int=7)),
    (Colour, Colour.RED),
    (Literal["a", 1], 1),
    (str | None, None),
    (list[Line], [Line(sku="A", data=b"\xff")]),
    (dict[str, list[int]], {"ü": [1, 2]}),
    (set[str], {"a", "b"}),
    (frozenset[int], frozenset({1})),
    (tuple[int, str], (1, "x")),
    (tuple[int, ...], (1, 2, 3)),
    (Line, Line(sku="B", qty=3)),
    (Plain, Plain(size=1.5)),
    (dict[UUID, Line], {UUID(int=1): Line(sku="C")}),
]


@pytest.mark.parametrize(("annotation", "value"), VALUES, ids=[str(a) for a, _ in VALUES])
def test_a_value_comes_back_as_it_was(annotation: Any, value: Any) -> None:
    key: Key[Any, Any] = Key("k", annotation)
    raw = key.encode(value)
    assert key.decode(raw) == value
    assert type(key.decode(raw)) is type(value)


def test_nan_survives() -> None:
    key = Key[float]("k", float)
    assert math.isnan(key.decode(key.encode(math.nan)))


REFUSED: list[tuple[Any, Any, str]] = [
    (int, "3", "valid integer"),
    (int, True, "valid integer"),
    (int, 3.0, "valid integer"),
    (str, 3, "valid string"),
    (str, None, "valid string"),
    (Literal["nuxt", "next"], "react", "'nuxt' or 'next'"),
    (Annotated[int, Field(ge=0)], -1, "greater than or equal to 0"),
    (Annotated[str, Field(max_length=3)], "abcd", "at most 3 characters"),
    (list[int], (1, 2), "valid list"),
    (list[Line], ["A"], "instance of Line"),
    (datetime, "2026-07-28T12:00:00Z", "valid datetime"),
    (str, "\ud800", "stored as JSON"),
    (list[int], [10**5000], "stored as JSON"),
]


@pytest.mark.parametrize(("annotation", "value", "words"), REFUSED)
def test_a_value_of_a_wrong_type_is_refused_with_what_is_allowed(annotation: Any, value: Any, words: str) -> None:
    with pytest.raises(SessionValueError) as caught:
        Key[Any, Any]("size", annotation).encode(value)
    assert str(caught.value).startswith("size: ")
    assert words in str(caught.value)
    assert "nothing was written" in str(caught.value)


def test_a_number_that_python_would_not_read_back_is_refused() -> None:
    with pytest.raises(SessionValueError, match="too long"):
        Key[int]("size", int).encode(10**5000)
    assert Key[int]("size", int).encode(10**4000)


def test_a_refusal_does_not_repeat_the_value_which_may_be_a_secret() -> None:
    with pytest.raises(SessionValueError) as caught:
        Key[int]("pin", int).encode("hunter2")  # type: ignore[arg-type]  # that is the point
    assert "hunter2" not in str(caught.value)
    assert "got str" in str(caught.value)


def test_a_model_that_was_changed_into_nonsense_after_validation_is_refused() -> None:
    key = ListKey[Line]("lines", list[Line])
    line = Line(sku="A")
    line.qty = -5
    with pytest.raises(SessionValueError, match="qty"):
        key.encode([line])
    line.qty = "many"  # type: ignore[assignment]  # that is the point
    with pytest.raises(SessionValueError):
        key.encode([line])


class Strict(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def check(cls, name: str) -> str:
        if name.startswith("sk-"):
            raise ValueError(f"{name} is a secret")
        if name.startswith("custom"):
            raise PydanticCustomError("custom", "{name} is a secret", {"name": name})
        return name


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"


def test_no_refusal_repeats_a_secret_wherever_it_stands() -> None:
    line = Line(sku="A")
    line.__dict__["qty"] = "sk-SECRET"
    strict = Strict(name="x")
    strict.name = "sk-SECRET"
    custom = Strict(name="x")
    custom.name = "custom-SECRET"
    attempts: list[tuple[Key[Any, Any], Any]] = [
        (Key("k", list[Line]), [line]),
        (Key("k", Line), line),
        (Key("k", dict[str, int]), {"sk-SECRET": "x"}),
        (Key("k", dict[str, Line]), {"sk-SECRET": "x"}),
        (Key("k", Strict), strict),
        (Key("k", Strict), custom),
        (Key("k", Annotated[Cat | Dog, Field(discriminator="kind")]), {"kind": "sk-SECRET"}),
        (JsonKey("k"), {"sk-SECRET": object()}),
        (JsonKey("k"), {"sk-SECRET": "\ud800"}),
    ]
    for key, value in attempts:
        with pytest.raises(SessionValueError) as caught:
            key.encode(value)
        assert "SECRET" not in str(caught.value)


class Aliased(BaseModel):
    user_id: int = Field(alias="userId")
    kind: str = Field(default="x", validation_alias="Kind", serialization_alias="KIND")


def test_a_model_with_aliases_is_stored_by_the_names_of_its_fields() -> None:
    key = ListKey[Aliased]("k", list[Aliased], default=[])
    value = [Aliased(userId=7, Kind="y")]
    assert key.encode(value) == b'[{"user_id":7,"kind":"y"}]'
    assert key.decode(key.encode(value)) == value
    assert Key[Aliased]("k", Aliased, default=value[0]).decode(None) == value[0]


def test_bytes_that_do_not_fit_are_an_error_and_never_unset() -> None:
    key = Key[int, int | None]("age", int)
    for raw in (b'"x"', b"", b"nonsense", b"null"):
        with pytest.raises(SessionDataError, match="does not fit the key's type"):
            key.decode(raw)
    assert key.decode(None) is None


def test_unset_reads_as_the_default_and_null_is_not_unset() -> None:
    assert Key[str | None]("k", str | None, default="x").decode(None) == "x"
    assert Key[str | None]("k", str | None, default="x").decode(b"null") is None
    assert Key[int, int | None]("k", int).decode(None) is None
    assert repr(UNSET) == "UNSET"


def test_a_mutable_default_is_new_each_time() -> None:
    key = ListKey[int]("k", list[int], default=[1])
    first = key.decode(None)
    first.append(2)
    assert key.decode(None) == [1]
    line = Key[Line]("k", Line, default=Line(sku="A"))
    line.decode(None).sku = "changed"
    assert line.decode(None).sku == "A"


def test_items_are_checked_one_by_one() -> None:
    key = ListKey[Line]("lines", list[Line])
    assert key.encode_items((Line(sku="A"), Line(sku="B"))) == [
        b'{"sku":"A","qty":1,"data":""}',
        b'{"sku":"B","qty":1,"data":""}',
    ]
    with pytest.raises(SessionValueError):
        key.encode_items(("A",))  # type: ignore[arg-type]  # that is the point


def test_only_what_needs_no_validation_is_left_to_the_store() -> None:
    assert NumberKey[int]("k", int, default=5).native
    assert NumberKey[int]("k", int, default=5).start == b"5"
    assert NumberKey[int, int | None]("k", int).start == b"0"
    assert not NumberKey[int]("k", Annotated[int, Field(le=10)]).native
    assert not NumberKey[Decimal]("k", Decimal).native
    assert ListKey[int]("k", list[int]).native
    assert ListKey[int, list[int] | None]("k", list[int]).start == b"[]"
    assert not ListKey[int]("k", Annotated[list[int], Field(max_length=3)]).native
    assert repr(DictKey[str, int]("k", dict[str, int])) == "DictKey('k', dict[str, int])"


def test_untyped_values_are_json_and_nothing_else() -> None:
    key = JsonKey("blob")
    value = {"a": [1, 2.5, None, True, "x"], "b": {}}
    assert key.decode(key.encode(value)) == value
    assert key.decode(key.encode((1, 2))) == [1, 2]
    for bad, words in [
        ({1: "x"}, "str keys"),
        ([object()], r"blob\[0\]: object is not a JSON value"),
        ({"m": Plain(size=1)}, "model_dump"),
        (b"bytes", "bytes is not a JSON value"),
        ("\ud800", "stored as JSON"),
        (10**5000, "stored as JSON"),
    ]:
        with pytest.raises(SessionValueError, match=words):
            key.encode(bad)
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    with pytest.raises(SessionValueError, match="deeper than 100"):
        key.encode(deep)


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | FINITE | st.text(st.characters(codec="utf-8")),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_any_json_value_comes_back(value: Any) -> None:
    key = JsonKey("k")
    assert key.decode(key.encode(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_json_has_no_number_for_is_refused(value: float) -> None:
    with pytest.raises(SessionValueError, match=rf"^k\[0\]: {value} is not a JSON value; nothing was written$"):
        JsonKey("k").encode([value])


def test_a_key_is_text() -> None:
    with pytest.raises(TypeError, match="a key is text; got int"):
        JsonKey(1)  # type: ignore[arg-type]
