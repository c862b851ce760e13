"""A plain model whose collections say nothing, or little, of what they hold."""

import typing
from typing import Any, Optional

from pydantic import BaseModel


class Bag(BaseModel):
    things: list = []
    table: dict = {}
    pair: tuple = ()
    distinct: set = set()
    fixed: frozenset = frozenset()
    maybe: list | None = None
    several: dict | list = {}
    rows: list[dict] = []
    old: typing.List = []
    old_table: Optional[typing.Dict] = None
    old_pair: typing.Tuple = ()
    empty: tuple[()] = ()
    anything: dict[Any, Any] = {}
    by_name: dict[str, Any]
    objects: list[object] = []
