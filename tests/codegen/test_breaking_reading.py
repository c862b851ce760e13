"""Explicit pairs of types: what one has stored and the other reads or does not, as it is told and as it really is."""

import asyncio
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from tests.codegen.test_breaking_properties import Side, alike, side

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.compare import breaking
from mcp_sessiongen.breaking.sources import schemas_in
from mcp_sessiongen.breaking.subject import Pair, Schema
from mcp_sessions import SessionDataError
from mcp_sessions.stores.memory import MemoryStore

TYPES: Final = """
  Item: {sku: str, qty: int = 1}
  Big: {sku: str, qty: int = 1, colour: str = "red"}
  Small: {sku: str}
  Strict: {sku: {type: str, max_length: 3}, qty: int = 1}
  Bare: {sku: str, qty: int}
  Status: {enum: [open, paid]}
  Few: {enum: [open]}
  Level: {enum: [{value: 0, name: LOW}, {value: 9, name: HIGH}]}
  Tree: {name: str, parts: "list[Tree] = []"}
  Wood: {name: str, parts: "list[Wood] = []"}
  Lumber: {name: int, parts: "list[Lumber] = []"}
  Card: {kind: "Literal['card']", digits: str}
  Cash: {kind: "Literal['cash']", amount: int}
"""

SAFE: Final = [
    ("str", "str?", '"x"'),
    ("int", "Decimal", "5"),
    ("{type: int, ge: 0, le: 9}", "float", "5"),
    ("int", "int | str", "5"),
    ("Literal['a', 'b']", "Literal['b', 'c', 'a']", '"b"'),
    ("Literal['open']", "Status", '"open"'),
    ("Status", "Literal['open', 'paid']", "Status.PAID"),
    ("Status", "str", "Status.PAID"),
    ("Level", "int", "Level.HIGH"),
    ("Few", "Status", "Few.OPEN"),
    ("{type: str, max_length: 3}", "{type: str, max_length: 9}", '"abc"'),
    ("{type: int, gt: 0}", "{type: int, ge: 1}", "1"),
    ("{type: int, multiple_of: 6}", "{type: int, multiple_of: 3}", "12"),
    ("{type: float, gt: 0}", "{type: float, ge: 0}", "0.5"),
    ("set[int]", "frozenset[int]", "{1, 2}"),
    ("tuple[int, int]", "tuple[int, ...]", "(1, 2)"),
    ("dict[str, Item]", "dict[str, Big]", '{"a": Item(sku="x")}'),
    ("list[Item]", "list[Big]", '[Item(sku="x")]'),
    ("Tree", "Wood", 'Tree(name="a", parts=[Tree(name="b")])'),
    ("Card", "{type: Card | Cash, discriminator: kind}", 'Card(kind="card", digits="1")'),
    ("float", "{type: float, allow_inf_nan: true}", 'float("nan")'),
]
"""What is stored reads as it was: the types before and after, and a value."""

BROKEN: Final = [
    ("str?", "str", "None", "type-changed"),
    ("int", "str", "5", "type-changed"),
    ("int", "float", "2**53 + 1", "type-changed"),
    ("bool", "int", "True", "type-changed"),
    ("Decimal", "str", 'Decimal("1.5")', "type-changed"),
    ("float", "int", "1.5", "type-changed"),
    ("list[int]", "set[int]", "[1, 1]", "type-changed"),
    ("set[int]", "list[int]", "{1}", "type-changed"),
    ("tuple[int, int]", "tuple[int, int, int]", "(1, 2)", "type-changed"),
    ("dict[str, int]", "dict[int, int]", '{"a": 1}', "type-changed"),
    ("str", "Literal['a']", '"b"', "type-changed"),
    ("int | str", "int", '"x"', "type-changed"),
    ("Item", "str", 'Item(sku="x")', "type-changed"),
    ("Tree", "Lumber", 'Tree(name="a")', "type-changed"),
    ("{type: Card | Cash, discriminator: kind}", "Card", 'Cash(kind="cash", amount=1)', "type-changed"),
    ("Literal['a', 'b']", "Literal['a']", '"b"', "value-removed"),
    ("Status", "Few", "Status.PAID", "value-removed"),
    ("str", "{type: str, max_length: 3}", '"abcd"', "constraint-tightened"),
    ("{type: str, pattern: a}", "{type: str, pattern: b}", '"a"', "constraint-tightened"),
    ("{type: int, ge: 0}", "{type: int, gt: 0}", "0", "constraint-tightened"),
    ("list[int]", "{type: 'list[int]', max_length: 1}", "[1, 2]", "constraint-tightened"),
    ("list[str]", "list[Annotated[str, Field(max_length=1)]]", '["ab"]', "constraint-tightened"),
    ("float", "{type: float, allow_inf_nan: false}", 'float("nan")', "constraint-tightened"),
    (
        "{type: Decimal, max_digits: 10, decimal_places: 2}",
        "{type: Decimal, max_digits: 10, decimal_places: 4}",
        'Decimal("12345678")',
        "constraint-tightened",
    ),
    ("Item", "Strict", 'Item(sku="abcd")', "constraint-tightened"),
    ("Item", "Small", 'Item(sku="x", qty=3)', "field-removed"),
    ("Small", "Bare", 'Small(sku="x")', "field-required"),
]
"""What is stored does not read as it was: the same, and the rule that says so."""

SERVERS: Final = {
    "type-changed": "type-widened",
    "value-removed": "value-added",
    "constraint-tightened": "constraint-loosened",
    "field-removed": "field-added",
    "field-required": "field-dropped",
}
"""What is told of the same types, changed the other way round."""


def make(kind: str, name: str, stack: ExitStack) -> Side:
    path = Path(f"{name}.yaml")
    path.write_text(f"sessiongen: 1\ntypes:{TYPES}sessions: {{cart: {{keys: {{value: {quoted(kind)}}}}}}}\n")
    (schema,) = schemas_in((str(path),), Path.cwd())
    return side(schema.module, name, stack)


def quoted(kind: str) -> str:
    return kind if kind.startswith("{") else '"' + kind.replace('"', '\\"') + '"'


def rules(was: Side, now: Side) -> set[str]:
    return {finding.code.removeprefix("breaking-") for finding in breaking([was.schema], [now.schema])}


async def is_read(writer: Side, reader: Side, value: object) -> bool:
    store = MemoryStore()
    written: Any = await writer.accessor("cart").create(store)
    await written.set_value(value)
    read: Any = reader.accessor("cart").open(store, written.id)
    try:
        got = await read.get_value()
    except SessionDataError:
        return False
    return (alike(await written.get_value(), got) and type(got) is not bool) or got is value


@pytest.mark.parametrize(("before", "after", "value"), SAFE)
def test_what_is_safe_is_not_told_and_reads(before: str, after: str, value: str, project: Path) -> None:
    with ExitStack() as stack:
        one, other = make(before, "one", stack), make(after, "other", stack)
        assert not rules(one, other) & set(SERVERS)
        assert not rules(other, one) & set(SERVERS.values())
        assert asyncio.run(is_read(one, other, eval(value, vars(one.made))))


@pytest.mark.parametrize(("before", "after", "value", "rule"), BROKEN)
def test_what_breaks_is_told_and_does_not_read(before: str, after: str, value: str, rule: str, project: Path) -> None:
    """In both directions: the same change the other way round breaks released servers."""
    with ExitStack() as stack:
        one, other = make(before, "one", stack), make(after, "other", stack)
        assert rule in rules(one, other)
        assert SERVERS[rule] in rules(other, one)
        assert not asyncio.run(is_read(one, other, eval(value, {"Decimal": Decimal, **vars(one.made)})))


def test_a_type_of_others_is_only_compared_by_its_name(project: Path) -> None:
    """So is what a generic one holds: how it uses its parameter is not known."""
    one = ir.Imported("shop", "Page", arguments=(ir.Scalar("int"),))
    session = ir.Session("cart", (ir.Field("page", one), ir.Field("other", ir.Imported("shop", "A"))))
    changed = ir.Session(
        "cart",
        (
            ir.Field("page", ir.Imported("shop", "Page", arguments=(ir.Scalar("Decimal"),))),
            ir.Field("other", ir.Imported("shop", "A")),
        ),
    )
    was, now = (Schema("a.yaml", "a", ir.Module((), (one,))) for one in (session, changed))
    pair = Pair(was, now, session, changed)
    assert [problem.kind for problem in pair.backward(changed.keys[0])] == ["type"]
    assert pair.backward(changed.keys[1]) == ()
