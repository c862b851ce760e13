import re
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from ipaddress import IPv4Address
from pathlib import Path

import shop
from mcp_sessions import SessionModel
from pydantic import AnyUrl, AwareDatetime, HttpUrl, JsonValue


class Kinds(SessionModel):
    user: shop.UserId
    names: shop.Names = {}
    tree: shop.Tree
    color: shop.Color = shop.Color.RED
    point: shop.Point
    movie: shop.Movie
    size: shop.Size
    inner: shop.Outer.Inner
    by_color: dict[shop.Color, list[shop.Outer]] = {}
    by_user: dict[str, shop.UserId] = {}
    recent: deque[int]
    ordered: OrderedDict[str, int]
    sequence: Sequence[shop.Point]
    mapping: Mapping[str, shop.Outer]
    tags: AbstractSet[str]
    path: Path
    url: AnyUrl
    link: HttpUrl | None = None
    address: IPv4Address
    pattern: re.Pattern[str]
    moment: AwareDatetime
    anything: JsonValue
    perhaps: JsonValue | None
