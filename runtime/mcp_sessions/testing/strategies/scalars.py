"""Strategies for single values: numbers, texts, dates and the like, within the bounds that Pydantic has for them.

Bounds that a strategy cannot be told exactly are left to the filter behind it: what does not fit is drawn again.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mcp_sessions.testing.strategies.refusals import NoStrategyError

_DAY: Final = timedelta(days=1)
_LONGEST: Final = timedelta(days=36_500)
_DIGITS: Final = 12
"""How many digits a Decimal has that may have any number of them."""

_NAMES: Final = st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True)

OFFSETS: Final[SearchStrategy[tzinfo | None]] = st.one_of(
    st.none(), st.just(UTC), st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
)
"""Time zones as JSON can have them: none, or an offset of whole minutes."""


def integers(node: Mapping[str, Any]) -> SearchStrategy[Any]:
    """Return whole numbers."""
    low = _lowest(node, lambda bound: math.floor(bound) + 1, math.ceil)
    high = _highest(node, lambda bound: math.ceil(bound) - 1, math.floor)
    step = node.get("multiple_of")
    if step is None:
        return st.integers(low, high)
    times = st.integers(None if low is None else -(-low // step), None if high is None else high // step)
    return times.map(lambda number: number * step)


def floats(node: Mapping[str, Any]) -> SearchStrategy[Any]:
    """Return fractions, and no NaN, which would not equal itself when it is read back."""
    low, high = _lowest(node), _highest(node)
    step = node.get("multiple_of")
    if step is not None:
        return integers({"ge": _whole(low, step), "le": _whole(high, step)}).map(lambda number: number * step)
    is_bounded = low is not None or high is not None
    return st.floats(
        None if low is None else float(low),
        None if high is None else float(high),
        exclude_min="gt" in node and node["gt"] == low,
        exclude_max="lt" in node and node["lt"] == high,
        allow_nan=False,
        allow_infinity=not is_bounded and node.get("allow_inf_nan", True),
    )


def decimals(node: Mapping[str, Any]) -> SearchStrategy[Any]:
    """Return decimals: whole numbers of the smallest step that there may be."""
    digits, places = node.get("max_digits"), node.get("decimal_places")
    step = node.get("multiple_of")
    if step is not None:
        unit = Decimal(str(step))
    else:
        unit = Decimal(1).scaleb(-(min(2, digits or 2) if places is None else places))
    most = unit * (10 ** (_DIGITS if digits is None else digits) - 1)
    if digits is not None and places is not None:
        most = min(most, Decimal(10) ** (digits - places) - unit)
    low, high = _lowest(node), _highest(node)
    lowest = -most if low is None else Decimal(str(low))
    highest = most if high is None else Decimal(str(high))
    if low is not None and high is None:
        highest = max(most, lowest + most)
    if high is not None and low is None:
        lowest = min(-most, highest - most)
    return integers({"ge": _whole(lowest, unit), "le": _whole(highest, unit)}).map(lambda number: number * unit)


def texts(node: Mapping[str, Any]) -> SearchStrategy[Any]:
    """Return texts; those of a pattern by Python's idea of it, which is that of Pydantic's nearly always."""
    pattern = node.get("pattern")
    if pattern is None:
        return st.text(min_size=node.get("min_length", 0), max_size=node.get("max_length"))
    try:
        return st.from_regex(re.compile(pattern))
    except re.error as error:
        raise NoStrategyError(f"Python does not understand the pattern {pattern!r}") from error


def binaries(node: Mapping[str, Any]) -> SearchStrategy[Any]:
    """Return bytes, often those of a text: where a model writes bytes as text, no others fit."""
    low, high = node.get("min_length", 0), node.get("max_length")
    written = st.text(st.characters(max_codepoint=127), min_size=low, max_size=high).map(str.encode)
    return st.one_of(written, st.binary(min_size=low, max_size=high))


def dates(node: Mapping[str, Any]) -> SearchStrategy[Any]:
    """Return dates."""
    low = _lowest(node, lambda bound: bound + _DAY) or date.min
    high = _highest(node, lambda bound: bound - _DAY) or date.max
    low, high = _around_now(node, low, high, date.today(), _DAY)
    return st.dates(low, high)


def datetimes(node: Mapping[str, Any]) -> SearchStrategy[Any]:
    """Return dates with times, in the time zones that are allowed."""
    wanted = node.get("tz_constraint")
    zones = st.none() if wanted == "naive" else OFFSETS
    if wanted == "aware":
        zones = OFFSETS.filter(lambda zone: zone is not None)
    elif isinstance(wanted, int):
        zones = st.just(timezone(timedelta(seconds=wanted)))
    low, high = _lowest(node), _highest(node)
    bounds = [bound for bound in (low, high) if bound is not None]
    if bounds:  # one that has a zone cannot be compared with one that has none
        zones = st.just(bounds[0].tzinfo)
    low = (low or datetime.min + _DAY).replace(tzinfo=None)  # an offset must not lead out of the calendar
    high = (high or datetime.max - _DAY).replace(tzinfo=None)
    low, high = _around_now(node, low, high, datetime.now(), 2 * _DAY)
    return st.tuples(st.datetimes(low, high), zones).map(lambda drawn: drawn[0].replace(tzinfo=drawn[1]))


def times(node: Mapping[str, Any]) -> SearchStrategy[Any]:
    """Return times of day."""
    low, high = _lowest(node) or time.min, _highest(node) or time.max
    wanted = node.get("tz_constraint")
    zones = OFFSETS if wanted is None and low.tzinfo is None else st.just(low.tzinfo)
    if {"gt", "ge", "lt", "le"} & node.keys() or wanted == "naive":
        zones = st.just(low.tzinfo or high.tzinfo)
    elif wanted is not None:
        zones = st.just(UTC if wanted == "aware" else timezone(timedelta(seconds=wanted)))
    drawn = st.tuples(st.times(low.replace(tzinfo=None), high.replace(tzinfo=None)), zones)
    return drawn.map(lambda pair: pair[0].replace(tzinfo=pair[1]))


def timedeltas(node: Mapping[str, Any]) -> SearchStrategy[Any]:
    """Return durations, of up to a hundred years unless they must be longer."""
    low, high = _lowest(node), _highest(node)
    if low is None:
        low = -_LONGEST if high is None else min(-_LONGEST, max(high, timedelta.min + _LONGEST) - _LONGEST)
    if high is None:
        high = max(_LONGEST, min(low, timedelta.max - _LONGEST) + _LONGEST)
    return st.timedeltas(low, high)


def uuids(node: Mapping[str, Any]) -> SearchStrategy[Any]:
    """Return UUIDs, of the version that is asked for."""
    version = node.get("version")
    if version is None or version in (1, 2, 3, 4, 5):
        return st.uuids(version=version)
    wanted = (version << 76, 0xF << 76, 0x8 << 60, 0xC << 60)  # as RFC 9562 lays out every version
    return st.uuids().map(lambda one: type(one)(int=one.int & ~wanted[1] & ~wanted[3] | wanted[0] | wanted[2]))


def urls(node: Mapping[str, Any]) -> SearchStrategy[Any]:
    """Return addresses of the schemes that are allowed."""
    schemes = st.sampled_from(node.get("allowed_schemes") or ["https", "http"])
    paths = st.lists(_NAMES, max_size=3).map("/".join)
    return st.builds("{}://{}.example/{}".format, schemes, _NAMES, paths)


def instances(node: Mapping[str, Any]) -> SearchStrategy[Any]:
    """Return instances of a class, which hypothesis knows, or was told of by ``register_type_strategy``."""
    cls = node["cls"]
    if isinstance(cls, type) and issubclass(cls, PurePath):
        return st.lists(_NAMES, min_size=1, max_size=3).map(lambda names: cls(*names))
    return st.from_type(cls)


SCALARS: Final[dict[str, Callable[[Mapping[str, Any]], SearchStrategy[Any]]]] = {
    "none": lambda node: st.none(),
    "bool": lambda node: st.booleans(),
    "int": integers,
    "float": floats,
    "decimal": decimals,
    "str": texts,
    "bytes": binaries,
    "date": dates,
    "datetime": datetimes,
    "time": times,
    "timedelta": timedeltas,
    "fraction": lambda node: st.fractions(_lowest(node), _highest(node)),
    "uuid": uuids,
    "url": urls,
    "multi-host-url": urls,
    "literal": lambda node: st.sampled_from(node["expected"]),
    "enum": lambda node: st.sampled_from(node["members"]),
    "is-instance": instances,
}
"""What gives the values of each type of Pydantic's core schema that holds no others."""


def _same(bound: Any) -> Any:
    return bound


def _lowest(node: Mapping[str, Any], above: Callable[[Any], Any] = _same, at: Callable[[Any], Any] = _same) -> Any:
    """Return the lowest value there may be; ``above`` and ``at`` make it from a bound that is itself not, or is."""
    bounds = [above(node["gt"])] if node.get("gt") is not None else []
    bounds += [at(node["ge"])] if node.get("ge") is not None else []
    return max(bounds, default=None)


def _highest(node: Mapping[str, Any], below: Callable[[Any], Any] = _same, at: Callable[[Any], Any] = _same) -> Any:
    bounds = [below(node["lt"])] if node.get("lt") is not None else []
    bounds += [at(node["le"])] if node.get("le") is not None else []
    return min(bounds, default=None)


def _whole(bound: Any, step: Any) -> int | None:
    """Return how many steps a bound is away from zero; one too many at most, which the filter sees."""
    return None if bound is None else round(Decimal(str(bound)) / Decimal(str(step)))


def _around_now(node: Mapping[str, Any], low: Any, high: Any, now: Any, margin: timedelta) -> tuple[Any, Any]:
    """Return bounds that heed ``PastDate``, ``FutureDatetime`` and the like, wherever on earth the test runs."""
    if node.get("now_op") == "past":
        return low, min(high, now - margin)
    if node.get("now_op") == "future":
        return max(low, now + margin), high
    return low, high
