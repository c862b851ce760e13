"""What docs/schemas.md calls shop, and a model of every kind of field that Pydantic has."""

import ipaddress
import pathlib
import typing
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, Optional, TypeVar
from uuid import UUID

import annotated_types as at
from pydantic import (
    UUID7,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    FutureDate,
    HttpUrl,
    JsonValue,
    NaiveDatetime,
    PastDatetime,
    RootModel,
    Tag,
    field_validator,
    model_validator,
)
from pydantic.dataclasses import dataclass as checked_dataclass
from typing_extensions import TypedDict

T = TypeVar("T")


class Address(BaseModel):
    street: str


class Page(BaseModel, Generic[T]):
    items: list[T] = []


class Basket(BaseModel):
    title: str = Field("", alias="Title")

    @field_validator("title")
    @classmethod
    def strip(cls, value: str) -> str:
        return value.strip()


class Colour(Enum):
    RED = "red"
    BLUE = 2


class Tree(BaseModel):
    name: str
    parent: Optional["Tree"] = None
    children: list["Tree"] = []
    by_name: dict[str, "Tree"] = {}
    pair: tuple["Tree", ...] = ()


class Chain(BaseModel):
    """Ends only where it is left out."""

    links: Annotated[list["Chain"], Field(max_length=2)] = []
    set_of: frozenset["Link"] = frozenset()


class Link(BaseModel):
    model_config = ConfigDict(frozen=True)
    next: "Link | None" = None
    chains: tuple["Link", ...] = ()


class Movie(TypedDict):
    title: str
    year: NotRequired[Annotated[int, Field(ge=1888)]]


class Point(NamedTuple):
    x: int
    y: Annotated[float, Field(ge=0)] = 0.0


@dataclass
class Size:
    width: Annotated[int, Field(gt=0)]
    unit: Literal["cm", "in"] = "cm"


@checked_dataclass(frozen=True)
class Span:
    start: int
    end: int

    @model_validator(mode="after")
    def ordered(self) -> "Span":
        if self.start > self.end:
            raise ValueError("ends before it starts")
        return self


class Short(BaseModel):
    kind: Literal["short"] = "short"
    text: Annotated[str, Field(max_length=3)]


class Long(BaseModel):
    kind: Literal["long"] = "long"
    raw: bytes


class Words(RootModel[list[str]]):
    pass


def kind_of(value: Any) -> str:
    return "text" if isinstance(value, str) else "number"


class Everything(BaseModel):
    """A schema as it is, of all that Pydantic can check and JSON can hold."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    number: Annotated[int, Field(gt=-10, le=10**20, multiple_of=7)] = 0
    above: Annotated[int, at.Gt(3), at.Lt(10)] = 4
    ratio: Annotated[float, Field(gt=0, lt=1)] = 0.5
    steps: Annotated[float, Field(ge=-1, le=1, multiple_of=0.25)] = 0.5
    share: Annotated[float, Field(ge=0.5, allow_inf_nan=False)] = 0.5
    any_float: float = 0.0
    price: Annotated[Decimal, Field(ge=0, max_digits=6, decimal_places=2)] = Decimal(0)
    tiny: Annotated[Decimal, Field(lt=Decimal("0.001"), decimal_places=5)] = Decimal(0)
    large: Annotated[Decimal, Field(ge=10**15, multiple_of=5)] = Decimal(10**15)
    code: Annotated[str, Field(pattern="^[A-Z]{2}-[0-9]+$", max_length=12)] = "AB-1"
    stripped: Annotated[str, Field(min_length=1)] = "x"
    upper: Annotated[str, at.UpperCase] = "X"
    data: Annotated[bytes, Field(min_length=2, max_length=9)] = b"ab"
    day: Annotated[date, Field(ge=date(2020, 1, 1), lt=date(2020, 2, 1))] = date(2020, 1, 1)
    later: FutureDate = date(2999, 1, 1)
    past: PastDatetime = datetime(2000, 1, 1)
    aware: AwareDatetime = datetime(2000, 1, 1, tzinfo=UTC)
    naive: NaiveDatetime = datetime(2000, 1, 1)
    since: Annotated[datetime, Field(ge=datetime(2020, 1, 1, tzinfo=UTC))] = datetime(2021, 1, 1, tzinfo=UTC)
    moment: datetime = datetime(2000, 1, 1)
    hour: Annotated[time, Field(ge=time(8), le=time(20))] = time(9)
    any_hour: time = time(9)
    wait: Annotated[timedelta, Field(ge=timedelta(0), le=timedelta(hours=1))] = timedelta(1 / 48)
    long: Annotated[timedelta, Field(gt=timedelta(days=50_000))] = timedelta(days=60_000)
    short: Annotated[timedelta, Field(lt=timedelta(days=-50_000))] = timedelta(days=-60_000)
    delay: timedelta = timedelta(0)
    id: UUID = UUID(int=0)
    id7: UUID7 | None = None
    colour: Colour = Colour.RED
    choice: Literal["a", 1, True] = "a"
    tree: Tree | None = None
    chain: Chain | None = None
    either: Annotated[Short | Long, Field(discriminator="kind")] | None = None
    tagged: Annotated[Annotated[str, Tag("text")] | Annotated[int, Tag("number")], Discriminator(kind_of)] = 1
    mixed: Annotated[int | float, at.Ge(3)] | None = None
    movie: Movie | None = None
    point: Point | None = None
    size: Size | None = None
    span: Span | None = None
    spans: frozenset[Span] = frozenset()
    words: Words | None = None
    pages: Page[Address] | None = None
    unique: Annotated[set[int], Field(min_length=1, max_length=3)] = {1}
    flags: frozenset[bool] = frozenset()
    ordered: OrderedDict[str, int] = OrderedDict()
    recent: Annotated[deque[int], Field(max_length=3)] = deque()
    table: Annotated[dict[Annotated[str, Field(max_length=2)], list[int]], Field(max_length=2)] = {}
    by_day: dict[date, int] = {}
    triple: tuple[int, str, bool] | None = None
    several: Annotated[tuple[int, ...], Field(min_length=1, max_length=3)] = (1,)
    sequence: typing.Sequence[int] = []
    mapping: typing.Mapping[str, int] = {}
    bare_list: list = []  # type: ignore[type-arg]
    bare_set: set = set()  # type: ignore[type-arg]
    bare_dict: dict = {}  # type: ignore[type-arg]
    anything: JsonValue = None
    url: HttpUrl | None = None
    address: ipaddress.IPv4Address | None = None
    path: pathlib.PurePosixPath | None = None
    part: Fraction | None = None
    lowered: Annotated[str, BeforeValidator(str.lower)] = ""
    low: int = 0
    high: int = 9

    @field_validator("stripped")
    @classmethod
    def strip(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("nothing but space")
        return value.strip()

    @model_validator(mode="after")
    def ordered_bounds(self) -> "Everything":
        if self.low > self.high:
            raise ValueError("low is above high")
        return self
