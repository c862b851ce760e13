"""Keys that are fields of the user's own model: everything that the model does to one field, it does here."""

import asyncio
from collections.abc import Iterator
from datetime import date
from itertools import count
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    computed_field,
    field_serializer,
    field_validator,
    model_validator,
)

from mcp_sessions import (
    DictKey,
    InterfaceError,
    Key,
    ListKey,
    NumberKey,
    Session,
    SessionDataError,
    SessionSchema,
    SessionValueError,
    Store,
)

pytestmark = pytest.mark.anyio

NUMBERS: Iterator[int] = count(1)


class Line(BaseModel):
    sku: str = Field(alias="SKU")


class Cart(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True, alias_generator=str.upper, frozen=True, extra="allow")

    title: str = Field("untitled", max_length=8, description="What it is called.")
    email: str | None = Field(None, alias="e-mail", exclude=True)
    number: int = Field(default_factory=lambda: next(NUMBERS))
    seen: list[str] = []
    lines: list[Line] = Field([], max_length=2)
    prices: dict[str, int] = {}
    due: date | None = None
    low: int = 0
    high: int = 10
    _cache: dict[str, int] = PrivateAttr(default_factory=dict)

    @field_validator("title")
    @classmethod
    def refuse_admin(cls, value: str, info: ValidationInfo) -> str:
        assert cls is Cart
        assert info.field_name == "title"
        assert info.data == {}
        if value == "admin":
            raise ValueError(f"{value} is not for you")
        return value

    @field_validator("due", mode="before")
    @classmethod
    def from_german(cls, value: object) -> object:
        if isinstance(value, str) and "." in value:
            return date(*reversed([int(part) for part in value.split(".")]))
        return value

    @field_validator("prices")
    @classmethod
    def at_most_two(cls, value: dict[str, int]) -> dict[str, int]:
        assert len(value) <= 2
        return value

    @field_serializer("due")
    def as_iso(self, value: date | None) -> str | None:
        return value.isoformat() if value else None

    @model_validator(mode="after")
    def in_order(self) -> "Cart":
        if self.low > self.high:
            raise ValueError(f"{self.low} is above {self.high}")
        return self

    def model_post_init(self, context: Any) -> None:
        self._cache["title"] = len(self.title)

    @computed_field
    def size(self) -> int:
        return len(self.lines)


TITLE = Key[str]("title", model=Cart)
EMAIL = Key[str | None]("email", model=Cart)
NUMBER = NumberKey[int]("number", model=Cart)
SEEN = ListKey[str]("seen", model=Cart)
LINES = ListKey[Line]("lines", model=Cart)
PRICES = DictKey[str, int]("prices", model=Cart)
DUE = Key[date | None]("due", model=Cart)
LOW = NumberKey[int]("low", model=Cart)
HIGH = NumberKey[int]("high", model=Cart)
KEYS = (TITLE, EMAIL, NUMBER, SEEN, LINES, PRICES, DUE, LOW, HIGH)

CartKey = Literal["title", "email", "number", "seen", "lines", "prices", "due", "low", "high"]


class CartSession(Session[Cart, CartKey], schema=SessionSchema(name="cart", state=Cart, keys=KEYS)):
    """A cart that is described by a model of the user's."""


@pytest.fixture
async def session(store: Store) -> CartSession:
    return await CartSession.create(store)


async def test_a_value_passes_the_models_config_constraints_and_validators(session: CartSession) -> None:
    await session._set(TITLE, "  atlas ")
    assert await session._get(TITLE) == "atlas"
    for bad in ("far too long", "admin", 5):
        with pytest.raises(SessionValueError, match=r"^title: ") as refusal:
            await session._set(TITLE, bad)  # type: ignore[arg-type]  # that is the point
        assert "admin" not in str(refusal.value)
    assert await session._get(TITLE) == "atlas"


async def test_defaults_are_the_models(session: CartSession) -> None:
    assert await session._get(TITLE) == "untitled"
    seen = await session._get(SEEN)
    seen.append("x")
    assert await session._get(SEEN) == []


async def test_what_a_factory_makes_stays(store: Store, session: CartSession) -> None:
    """A new id or time belongs to the session, which has it from its beginning, or else from the first reading."""
    first = await session._get(NUMBER)
    assert await session._has(NUMBER)
    assert [await session._get(NUMBER), (await session.snapshot()).number] == [first, first]
    assert await (await CartSession.create(store))._get(NUMBER) != first
    await session.clear()
    second = (await session.snapshot()).number
    assert second != first
    assert await session._get(NUMBER) == second
    await session._remove(NUMBER)
    read = await asyncio.gather(*(session._get(NUMBER) for _ in range(20)))
    assert len(set(read)) == 1
    given = await CartSession.create(store, values={"number": 77})
    assert await given._get(NUMBER) == 77


async def test_fields_are_stored_by_name_whatever_their_aliases_and_exclusion(session: CartSession) -> None:
    await session._set(EMAIL, "a@b.c")
    await session._set(LINES, [Line(SKU="A")])
    raw = await session.store.read(session._access(), ("email", "lines", "e-mail", "LINES"))
    assert raw == {"email": b'"a@b.c"', "lines": b'[{"sku":"A"}]'}
    assert await session._get(EMAIL) == "a@b.c"
    assert await session._get(LINES) == [Line(SKU="A")]


async def test_before_validators_and_serializers_work_on_both_ways(session: CartSession) -> None:
    await session._set(DUE, date(2026, 11, 24))
    assert await session._get(DUE) == date(2026, 11, 24)
    assert DUE.encode_json("24.11.2026") == b'"2026-11-24"'


async def test_operations_on_items_obey_the_whole(session: CartSession) -> None:
    await session._append(LINES, (Line(SKU="A"), Line(SKU="B")))
    with pytest.raises(SessionValueError, match="at most 2 items"):
        await session._append(LINES, (Line(SKU="C"),))
    await session._put(PRICES, "a", 1)
    await session._put(PRICES, "b", 1)
    with pytest.raises(SessionValueError, match="refused by a validator"):
        await session._put(PRICES, "c", 1)
    with pytest.raises(SessionValueError):
        await session._append(LINES, ("C",))  # type: ignore[arg-type]  # that is the point
    assert await session._increment(NUMBER, 5) > 5


def test_only_fields_that_nothing_speaks_of_are_left_to_the_store() -> None:
    class Plain(BaseModel):
        count: int = 3
        names: list[str] = ["a"]
        few: list[str] = Field([], max_length=2)
        even: Annotated[int, AfterValidator(abs)] = 0

    assert NumberKey[int]("count", model=Plain).native
    assert NumberKey[int]("count", model=Plain).start == b"3"
    assert ListKey[str]("names", model=Plain).native
    assert ListKey[str]("names", model=Plain).start == b'["a"]'
    assert not ListKey[str]("few", model=Plain).native
    assert not NumberKey[int]("even", model=Plain).native
    assert not LOW.native  # the model has a config of its own


async def test_a_snapshot_is_an_object_of_the_users_class(session: CartSession) -> None:
    await session._set(TITLE, "atlas")
    await session._set(DUE, date(2026, 11, 24))
    await session._set(LINES, [Line(SKU="A")])
    cart = await session.snapshot()
    assert type(cart) is Cart
    assert (cart.title, cart.due, cart.size, cart._cache) == ("atlas", date(2026, 11, 24), 1, {"title": 5})
    assert cart.model_fields_set == {"title", "due", "lines", "number"}


async def test_what_does_not_fit_together_is_said_by_the_snapshot_without_values(session: CartSession) -> None:
    await session._set(LOW, 771)
    assert await session._get(LOW) == 771
    with pytest.raises(SessionDataError, match="refused by a validator") as refusal:
        await session.snapshot()
    assert "771" not in str(refusal.value)


async def test_a_stored_value_that_does_not_fit_is_named_by_its_key(session: CartSession) -> None:
    await session.store.write(session._access(), {"low": b'"SECRET"'})
    for reading in (session._get(LOW), session.snapshot()):
        with pytest.raises(SessionDataError, match=r"^cart\.low of ") as refusal:
            await reading
        assert "SECRET" not in str(refusal.value)


def test_a_required_field_reads_as_none() -> None:
    class Needed(BaseModel):
        title: str

    key = Key[str, str | None]("title", model=Needed)
    assert key.decode(None) is None
    assert key.decode(key.encode("x")) == "x"


def test_a_validator_that_changes_its_own_results_is_refused_when_it_is_written() -> None:
    class Doubling(BaseModel):
        size: Annotated[int, AfterValidator(lambda size: size * 2)] = 0

    with pytest.raises(SessionValueError, match="it would be read as another value"):
        NumberKey[int]("size", model=Doubling).encode(2)


def test_a_default_that_the_model_itself_refuses_is_no_crash() -> None:
    class Wrong(BaseModel):
        model_config = ConfigDict(validate_default=True)
        size: int = Field("SECRET", ge=1)  # type: ignore[assignment]  # that is the point
        other: int = Field(default_factory=lambda data: data["size"])

    for name in ("size", "other"):
        with pytest.raises(SessionDataError, match="its default cannot be used") as refusal:
            Key[int](name, model=Wrong).decode(None)
        assert "SECRET" not in str(refusal.value)


def test_a_field_that_is_gone_says_what_to_do() -> None:
    with pytest.raises(InterfaceError, match="no field 'gone' any more: run mcp-sessiongen generate"):
        Key[int]("gone", model=Cart).encode(1)


def test_forward_references_are_resolved_at_first_use() -> None:
    class Tree(BaseModel):
        children: "list[Tree]" = []

    key = ListKey[Tree]("children", model=Tree)
    value = [Tree(children=[Tree()])]
    assert key.decode(key.encode(value)) == value


class Blob(BaseModel):
    raw: bytes = b""
    parts: list[bytes] = []
    seen: int = 0

    @model_validator(mode="after")
    def see(self) -> "Blob":
        object.__setattr__(self, "seen", self.seen + 1)
        return self


class Frozen(Blob):
    model_config = ConfigDict(frozen=True)


class Coded(Blob):
    model_config = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")


@pytest.mark.parametrize("model", [Blob, Frozen, Coded])
async def test_bytes_are_the_same_in_a_key_and_in_a_snapshot(model: type[Blob], store: Store) -> None:
    """A model takes bytes in JSON for text, unless its config says otherwise; its keys hold any bytes."""
    raw, parts = Key[bytes]("raw", model=model), ListKey[bytes]("parts", model=model)

    class BlobSession(Session[Blob, Any], schema=SessionSchema(name="blob", state=model, keys=(raw, parts))):
        pass

    session = await BlobSession.create(store)
    await session._set(raw, b"\xff")
    await session._append(parts, (b"a", b"\x00\xff"))
    snapshot = await session.snapshot()
    assert type(snapshot) is model
    assert (snapshot.raw, snapshot.parts, snapshot.seen) == (b"\xff", [b"a", b"\x00\xff"], 1)
    assert snapshot == model(raw=b"\xff", parts=[b"a", b"\x00\xff"])
    assert (await session._get(raw), await session._get(parts)) == (snapshot.raw, snapshot.parts)
