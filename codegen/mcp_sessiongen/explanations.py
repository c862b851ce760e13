"""What `explain` says: the paragraph of each code, and an example where it helps.

Each example is a piece of a YAML schema twice, with the finding and without; tests compile both.
"""

from dataclasses import dataclass
from typing import Final

from mcp_sessiongen.breaking.codes import BREAKING_CODES
from mcp_sessiongen.codes import CODES
from mcp_sessiongen.lint.codes import LINT_CODES

ALL_CODES: Final = {**CODES, **LINT_CODES, **BREAKING_CODES}


@dataclass(frozen=True)
class Example:
    """How not to write it, and how to."""

    wrong: str
    right: str


def _keys(wrong: str, right: str, before: str = "") -> Example:
    begin = f"sessiongen: 1\n{before}sessions:\n  cart:\n    doc: What the user is about to buy.\n    keys:\n"
    return Example(*(begin + "".join(f"      {line}\n" for line in text.split("\n")) for text in (wrong, right)))


def _session(wrong: str, right: str, keys: str = "visits: int = 0") -> Example:
    begin, end = "sessiongen: 1\nsessions:\n  cart:\n", f"    keys: {{{keys}}}\n"
    return Example(*(begin + "".join(f"    {line}\n" for line in text.split("\n")) + end for text in (wrong, right)))


_DOC: Final = "doc: What the user is about to buy."
_ITEM: Final = "types:\n  Item: {sku: str}\n"

EXAMPLES: Final[dict[str, Example]] = {
    "ambiguous-type": _keys("due: str | date", "due: date"),
    "bad-constraint": _keys("size: {type: int, max_length: 3}", "size: {type: int, le: 999}"),
    "bad-default": _keys('visits: {type: int, default: "0"}', "visits: {type: int, default: 0}"),
    "bad-name": _keys("lastVisit: date", "last_visit: date"),
    "bad-type": _keys("items: list", "items: list[str]"),
    "bad-value": _session(f"{_DOC}\nlifetime: {{idle: 30}}", f"{_DOC}\nlifetime: {{idle: 30m}}"),
    "duplicate-key": _keys("visits: int\nvisits: str", "visits: int\nnames: str"),
    "missing-property": _keys("title: {doc: Shown on top.}", "title: {type: str, doc: Shown on top.}"),
    "unknown-property": _keys("title: {type: str, maxlength: 80}", "title: {type: str, max_length: 80}"),
    "unknown-type": _keys("items: list[Itm]", "items: list[Item]", _ITEM),
    "lint-deprecated-hint": _keys(
        "locale: {type: str, deprecated: gone}", "locale: {type: str, deprecated: Use the key language.}"
    ),
    "lint-float-money": _keys("price: float", "price: Decimal"),
    "lint-key-doc": _keys(
        "size: {type: int, create: optional}", "size: {type: int, create: optional, doc: The shoe size in cm.}"
    ),
    "lint-lifetime": _session(f"{_DOC}\nscope: user", f"{_DOC}\nscope: user\nlifetime: {{idle: 30d}}"),
    "lint-secret": _keys("api_key: str", "api_key: {type: str, secret: true}"),
    "lint-secret-parameter": _keys(
        "pin: {type: int, secret: true, create: optional, doc: The code of the door.}",
        "pin: {type: int, secret: true, doc: The code of the door.}",
    ),
    "lint-session-doc": _session("version: 1", _DOC),
    "lint-ttl": _session(
        f"{_DOC}\nlifetime: {{max: 1h}}", f"{_DOC}\nlifetime: {{max: 24h}}", "quote: {type: Decimal, ttl: 2h}"
    ),
    "lint-unbounded": _keys("items: list[str] = []", "items: {type: 'list[str]', default: [], max_length: 100}"),
    "lint-unused-type": _keys("items: str", "items: {type: 'list[Item]', max_length: 9}", _ITEM),
}


def explanation(code: str) -> str:
    """Return all that there is to say about a code."""
    import textwrap

    parts = [code, textwrap.fill(ALL_CODES[code], 88)]
    example = EXAMPLES.get(code)
    if example:
        parts.append("Wrong:\n\n" + textwrap.indent(example.wrong.rstrip(), "    "))
        parts.append("Right:\n\n" + textwrap.indent(example.right.rstrip(), "    "))
    return "\n\n".join(parts)
