"""Hypothesis strategies for the values of scalar types, and for texts, which are hostile."""

import base64
import datetime as dt
from collections.abc import Callable
from typing import Any, Final

from hypothesis import strategies as st

from mcp_sessiongen import ir
from mcp_sessiongen.doc_text import normal_doc

LARGEST: Final = 10**6
LONGEST: Final = 30

HOSTILE: Final = (
    '"""',
    "'''",
    "\\",
    'ends in a quote"',
    "{{ 7 * 7 }}{% raw %}",
    '"); import os #',
    '"""\nimport os\nos.abort()\n"""',
    "two\nlines",
    "\r\n\t",
    "\x00",
    "\u202e\u2066",
    "\u2028\x85\x0b",
    "\ufeff",
    "${HOME} %s {0}",
    "no",
    "null",
    "0777",
    "1:30",
    "1e5",
    "- a",
    "a: b # c",
    "? [x, y]",
    "<<",
    "Größe 😀 漢",
    "",
    " ",
)
"""Texts that are something else to YAML, Python, Jinja or a terminal."""

TEXTS: Final = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.lists(st.sampled_from(HOSTILE), max_size=3).map("".join).map(lambda text: text[:30]),
)
"""Any text; at most 30 characters."""

DOCS: Final = st.one_of(st.just(""), st.lists(TEXTS, max_size=3).map(" ".join).map(normal_doc))


def bytes_of(least: int) -> st.SearchStrategy[ir.Value]:
    return _built("bytes", st.binary(min_size=least, max_size=9), lambda value: base64.b64encode(value).decode())


def _built(
    name: str, strategy: st.SearchStrategy[Any], text: Callable[[Any], str] = str
) -> st.SearchStrategy[ir.Value]:
    return strategy.map(lambda value: ir.Built(name, text(value)))


def _isoformat(value: dt.date | dt.time) -> str:
    return value.isoformat()


def _timedelta(value: dt.timedelta) -> str:
    return f"{value.days} {value.seconds} {value.microseconds}"


PATTERNS: Final[dict[ir.Value, st.SearchStrategy[str]]] = {
    ir.Atom("^[A-Z0-9-]{3,32}$"): st.text("AZ09-", min_size=3, max_size=LONGEST),
    ir.Atom('"""|\\\\|\\{\\{'): st.sampled_from(('"""', "a\\b", "{{ 7 * 7 }}")),
    ir.Atom("^[^'\"]*$"): TEXTS.filter(lambda text: not set(text) & {"'", '"'}),
    ir.Atom("\n"): st.sampled_from(("\n", "two\nlines")),
    ir.Atom("é"): st.sampled_from(("é", "café\x00")),
}
"""Patterns, each with texts that it finds."""

_ZONES: Final = st.sampled_from((None, dt.UTC, dt.timezone(dt.timedelta(hours=-3, minutes=-30))))
_MOMENTS: Final = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1), timezones=_ZONES)
SCALARS: Final[dict[str, st.SearchStrategy[ir.Value]]] = {
    "None": st.just(ir.Atom(None)),
    "str": TEXTS.map(ir.Atom),
    "int": st.integers(-LARGEST, LARGEST).map(ir.Atom),
    "float": st.floats(-LARGEST, LARGEST).map(ir.Atom),
    "bool": st.booleans().map(ir.Atom),
    "bytes": bytes_of(0),
    "Decimal": _built("Decimal", st.decimals(-LARGEST, LARGEST, allow_nan=False, places=3)),
    "date": _built("date", st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1)), _isoformat),
    "time": _built("time", st.times(), _isoformat),
    "datetime": _built("datetime", _MOMENTS, _isoformat),
    "timedelta": _built("timedelta", st.timedeltas(dt.timedelta(-9999), dt.timedelta(9999)), _timedelta),
    "UUID": _built("UUID", st.uuids()),
}
