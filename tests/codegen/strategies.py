"""Hypothesis strategies for the IR: whole modules that every stage of the compiler must accept.

They are in the IR's normal form, as `analyze` leaves it: so a module that was written down in some form and read back
must be equal to what it was. Texts are hostile wherever a schema may have any text.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from http import HTTPMethod, HTTPStatus
from typing import Final, TypeVar, get_args

from hypothesis import strategies as st
from tests.codegen.scalar_strategies import DOCS, LARGEST, LONGEST, PATTERNS, SCALARS, TEXTS, bytes_of

from mcp_sessiongen import ir
from mcp_sessiongen.ir_dump import dump
from mcp_sessiongen.type_parts import names_in, union_of, without_none
from mcp_sessiongen.type_rules import json_forms
from mcp_sessiongen.values import constant

T = TypeVar("T")

KEY_NAMES: Final = (
    *("a", "b", "x1", "visits", "line_items", "status", "value", "name", "self", "fn", "by"),
    *("date", "time", "datetime", "timedelta", "decimal", "uuid", "field", "annotated", "final"),
    *("true", "false", "null", "yes", "no", "on", "y", "n", "doc", "type", "default", "enum"),
    "a_name_of_sixty_four_characters_which_is_as_long_as_a_key_can_be",
)
TYPE_NAMES: Final = ("Alpha", "Beta", "Gamma", "Delta", "Epsilon", "HTTPProxy", "A1", "Node")
SESSION_NAMES: Final = ("cart", "wizard", "http_proxy", "a1b", "x")
MEMBER_NAMES: Final = ("OPEN", "PAID", "SECOND_HAND", "A1", "X", "NULL", "TRUE")
TEXT_SCALARS: Final = ("str", "bytes", "Decimal", "date", "time", "datetime", "timedelta", "UUID")
IMPORTED: Final[dict[ir.Named | ir.Imported, type[Enum]]] = {
    ir.Imported("http", "HTTPMethod", is_enum=True, forms=("text",)): HTTPMethod,
    ir.Imported("http", "HTTPStatus", is_enum=True, forms=("a number",)): HTTPStatus,
}
"""The types of others that modules refer to, with their classes."""


@st.composite
def modules(draw: st.DrawFn) -> ir.Module:
    """Whole modules: enumerations, models that use them and each other, and sessions."""
    maker = _Maker(draw)
    type_names = draw(st.lists(st.sampled_from(TYPE_NAMES), max_size=4, unique=True))
    if len(type_names) > 2 and draw(st.booleans()):
        maker.circle(type_names.pop(), type_names.pop())
    for name in type_names:
        maker.enum(name) if draw(st.booleans()) else maker.model(name)
    session_names = draw(st.lists(st.sampled_from(SESSION_NAMES), min_size=1, max_size=2, unique=True))
    sessions = tuple(maker.session(name) for name in session_names)
    return ir.Module(tuple(maker.models.values()), sessions, tuple(maker.enums.values()))


@st.composite
def values(draw: st.DrawFn, module: ir.Module, key: ir.Field) -> ir.Value:
    """Values that a key of a module may hold: of its type, and within its constraints."""
    models, enums = ({item.name: item for item in items} for items in (module.models, module.enums))
    return _Maker(draw, models, enums).fitting(key.type, key.constraints)


@dataclass
class _Maker:
    """Makes one module, piece by piece.

    Attributes:
        depth: How many models the value that is being made is inside of.
    """

    draw: Callable[[st.SearchStrategy[T]], T]
    models: dict[str, ir.Model] = field(default_factory=dict)
    enums: dict[str, ir.Enumeration] = field(default_factory=dict)
    depth: int = 0

    def one(self, options: Sequence[T]) -> T:
        return self.draw(st.sampled_from(options))

    def maybe(self, strategy: st.SearchStrategy[T], otherwise: T) -> T:
        return self.draw(strategy) if self.draw(st.booleans()) else otherwise

    # --- declarations ----------------------------------------------------------------------------------------------

    def enum(self, name: str) -> None:
        kinds = (TEXTS, st.integers(-LARGEST, LARGEST))
        values = self.draw(st.lists(self.one(kinds), min_size=1, max_size=4, unique=True))
        members = [ir.EnumMember(MEMBER_NAMES[n], value, self.draw(DOCS)) for n, value in enumerate(values)]
        self.enums[name] = ir.Enumeration(name, tuple(members), self.draw(DOCS))

    def model(self, name: str) -> None:
        names = self.draw(st.lists(st.sampled_from(KEY_NAMES), max_size=4, unique=True))
        fields = [self.field(item, tight=False) for item in names]
        if names and self.draw(st.booleans()):
            fields[-1] = ir.Field(names[-1], self.one((_or_none(ir.Named(name)), ir.Array("list", ir.Named(name)))))
        self.models[name] = ir.Model(name, tuple(fields), self.draw(DOCS))

    def circle(self, one: str, other: str) -> None:
        """Make two models that use each other, and of which one has a list that may be empty."""
        first = ir.Field("other", _or_none(ir.Named(other)), ir.Atom(None))
        second = ir.Field("others", ir.Array("list", ir.Named(one)), self.one((None, ir.Items("list", ()))))
        self.models[one] = ir.Model(one, (first, self.field("a", tight=False)), self.draw(DOCS))
        self.models[other] = ir.Model(other, (second,), self.draw(DOCS))

    def field(self, name: str, *, tight: bool) -> ir.Field:
        kind = self.any_type()
        default = self.value(kind) if self.draw(st.booleans()) else None
        constraints = self.constraints(kind, tight=tight and default is None)
        return ir.Field(name, kind, default, constraints, self.draw(DOCS))

    def session(self, name: str) -> ir.Session:
        names = self.draw(st.lists(st.sampled_from(KEY_NAMES), min_size=1, max_size=6, unique=True))
        unused = [f"old_{number}" for number in range(len(names) + 2)]
        scope = self.one(get_args(ir.Scope))
        keys = tuple(self.key(self.field(item, tight=True), unused, scope) for item in names)
        idle, longest = sorted((self.seconds(), self.seconds()))
        return ir.Session(
            name=name,
            keys=keys,
            doc=self.draw(DOCS),
            version=self.one((1, 2, 2**31 - 1)),
            idle=self.one((None, idle)),
            max=self.one((None, longest)),
            scope=scope,
            handle=self.one(("", f"{name}_handle")),
            create_tool=self.one(("", f"new_{name}")),
            end_tool=self.one(("", f"drop_{name}")),
            list_tool=self.one(("", "", f"list_{name}")) if scope in ("auto", "handle") else "",
            reserved=self.one(((), (unused[-1],), (unused[-2], unused[-1]))),
        )

    def key(self, item: ir.Field, unused: list[str], scope: ir.Scope) -> ir.Field:
        """Give a key its options."""
        # What has a default is never required, and without a handle there is no create tool.
        words: tuple[ir.Create, ...] = ("", "optional", "required") if item.default is None else ("", "optional")
        return ir.Field(
            name=item.name,
            type=item.type,
            default=item.default,
            constraints=item.constraints,
            doc=item.doc,
            ttl=self.one((None, self.seconds())),
            create=self.one(words) if scope in ("auto", "handle") else "",
            renamed_from=self.one(("", unused.pop(0))),
            deprecated=self.maybe(TEXTS.map(lambda text: f"Use another. {text}".strip()), ""),
            secret=self.one((False, False, True)),
        )

    def seconds(self) -> float:
        return self.one((0.5, 30.0, 300.0, 5400.0, 90061.25, 259200.0, 0.000001, 86400.0 * 10**9))

    # --- types -----------------------------------------------------------------------------------------------------

    def any_type(self, depth: int = 0) -> ir.Type:
        """Make any type, or none deeper than three levels."""
        makers = [self.scalar, self.choice, self.named]
        if depth < 2:
            makers += [self.array, self.hashed, self.table, self.tuple_type, self.union]
        made: ir.Type = self.one(makers)(depth)
        return made

    def scalar(self, depth: int) -> ir.Type:
        del depth
        return ir.Scalar(self.one(("int", "float", "bool", *TEXT_SCALARS)))

    def choice(self, depth: int) -> ir.Type:
        del depth
        kinds: tuple[st.SearchStrategy[str | int], ...] = (TEXTS, st.integers(2, LARGEST))
        return ir.Choice(tuple(self.draw(st.lists(self.one(kinds), min_size=1, max_size=4, unique=True))))

    def named(self, depth: int) -> ir.Type:
        del depth
        known = [ir.Named(name) for name in self.models] + [self.enum_type(name) for name in self.enums]
        return self.one([*known, *IMPORTED])

    def enum_type(self, name: str) -> ir.Named:
        is_text = isinstance(self.enums[name].members[0].value, str)
        return ir.Named(name, ("text",) if is_text else ("a number",))

    def inner(self, depth: int) -> ir.Type:
        """Make the type of an item: it may have constraints of its own."""
        kind = self.any_type(depth + 1)
        constraints = self.constraints(kind, tight=False)
        return ir.Constrained(kind, constraints) if constraints and without_none(kind) == kind else kind

    def array(self, depth: int) -> ir.Type:
        return ir.Array("list", self.inner(depth))

    def hashed(self, depth: int) -> ir.Type:
        kinds = [ir.Scalar("str"), ir.Scalar("int"), ir.Scalar("UUID"), ir.Scalar("date"), self.choice(depth)]
        return ir.Array(self.one(("set", "frozenset")), self.one(kinds + [self.enum_type(name) for name in self.enums]))

    def table(self, depth: int) -> ir.Type:
        keys: list[ir.Type] = [ir.Scalar(name) for name in ("str", "int", "UUID", "date")]
        keys += [kind for name in self.enums if (kind := self.enum_type(name)).forms == ("text",)]
        return ir.Table(self.one(keys), self.inner(depth))

    def tuple_type(self, depth: int) -> ir.Type:
        if self.draw(st.booleans()):
            return ir.Tuple((self.inner(depth),), open=True)
        return ir.Tuple(tuple(self.inner(depth) for _ in range(self.draw(st.integers(1, 3)))))

    def union(self, depth: int) -> ir.Type:
        """Make a union whose members differ in JSON, with None or not."""
        members: list[ir.Type] = []
        taken: set[str] = {"null"}
        for _ in range(self.draw(st.integers(1, 3))):
            # A number in a Literal or an enum is equal to other numbers, and to booleans.
            member = self.any_type(depth + 1)
            forms = json_forms(member)
            if not isinstance(member, ir.Union) and not forms & taken and not _is_numeric_choice(member):
                members.append(member)
                taken |= forms
        return union_of((*members, ir.NONE)) if members and self.draw(st.booleans()) else self.whole(members)

    def whole(self, members: list[ir.Type]) -> ir.Type:
        return union_of(tuple(members)) if members else ir.Scalar("str")

    # --- constraints -----------------------------------------------------------------------------------------------

    def constraints(self, kind: ir.Type, *, tight: bool) -> tuple[tuple[str, ir.Value], ...]:
        """Make constraints, or none; those that are not tight let every value pass that is made here."""
        if not self.draw(st.booleans()):
            return ()
        match without_none(kind):
            case ir.Scalar(name="int" | "float" | "Decimal" as name):
                return self.bounds(name, tight=tight)
            case ir.Scalar(name="str"):
                given = (("max_length", ir.Atom(self.draw(st.integers(LONGEST, 999)))),)
                return (*given, ("pattern", self.one(list(PATTERNS)))) if tight else given
            case ir.Scalar(name="bytes") | ir.Array() | ir.Table() | ir.Tuple(open=True) as target:
                # A set or a dict of few values that there are cannot have many.
                most = 1 if isinstance(target, ir.Table) or getattr(target, "kind", "list") != "list" else 5
                least = (("min_length", ir.Atom(self.draw(st.integers(1, most)))),) if tight else ()
                return (*least, ("max_length", ir.Atom(self.draw(st.integers(LONGEST, 999)))))
            case _:
                return ()

    def bounds(self, name: str, *, tight: bool) -> tuple[tuple[str, ir.Value], ...]:
        low = (self.one(("gt", "ge")), _number(name, -self.draw(st.integers(LARGEST + 1, 10**9))))
        high = (self.one(("lt", "le")), _number(name, self.draw(st.integers(LARGEST + 1, 10**9))))
        steps: st.SearchStrategy[int | str] = st.integers(1, 99)
        if name == "Decimal":
            steps = steps | st.sampled_from(("0.05", "12.5", "0.0000001"))
        step = (("multiple_of", _number(name, self.draw(steps))),) if tight else ()
        digits = (("max_digits", ir.Atom(40)), ("decimal_places", ir.Atom(20))) if name == "Decimal" else ()
        return (low, high, *step, *self.one((digits, ())))

    # --- values ----------------------------------------------------------------------------------------------------

    def value(self, kind: ir.Type, least: int = 0) -> ir.Value:
        """Make a value of a type, in its canonical form, of at least so many items or bytes."""
        match kind:
            case ir.Scalar(name="bytes"):
                return self.draw(bytes_of(least))
            case ir.Scalar(name=name):
                return self.draw(SCALARS[name])
            case ir.Choice(values=values):
                return ir.Atom(self.one(values))
            case ir.Array(kind="list", item=item):
                return ir.Items("list", self.items(item, least))
            case ir.Array(kind=outer, item=item):
                distinct = {json.dumps(dump(value)): value for value in self.items(item, least)}
                return ir.Items(outer, tuple(distinct[text] for text in sorted(distinct)))
            case ir.Table(key=key, value=value):
                keys = {json.dumps(dump(made)): made for made in self.items(key, least)}
                return ir.Entries(tuple((made, self.value(value)) for made in keys.values()))
            case ir.Tuple(items=items, open=is_open):
                return ir.Items("tuple", self.items(items[0], least) if is_open else tuple(map(self.value, items)))
            case ir.Union(members=members):
                return self.value(self.one(members))
            case ir.Named(name=name) if name in self.enums:
                return ir.Member(kind, self.one(self.enums[name].members).name)
            case ir.Imported():
                return ir.Member(kind, self.one(list(IMPORTED[kind])).name)
            case ir.Named(name=name):
                return self.instance(self.models[name])
            case ir.Constrained(type=inner):
                return self.value(inner)
            case _:
                raise NotImplementedError(kind)

    def items(self, kind: ir.Type, least: int) -> tuple[ir.Value, ...]:
        return tuple(self.value(kind) for _ in range(self.draw(st.integers(least, least + 2))))

    def instance(self, model: ir.Model) -> ir.Value:
        self.depth += 1
        fields = []
        for item in model.fields:
            is_recursive = item.name in ("other", "others") or model.name in names_in(item.type)
            if is_recursive and self.depth > 2:
                empty = ir.Items("list", ()) if isinstance(item.type, ir.Array) else ir.Atom(None)
                fields.append((item.name, empty))
            elif item.default is None or self.draw(st.booleans()):
                fields.append((item.name, self.value(item.type)))
        self.depth -= 1
        return ir.Instance(model.name, tuple(fields))

    def fitting(self, kind: ir.Type, constraints: tuple[tuple[str, ir.Value], ...]) -> ir.Value:
        """Make a value that tight constraints let pass."""
        told, target = dict(constraints), without_none(kind)
        if target != kind and self.draw(st.booleans()):
            return ir.Atom(None)
        match target:
            case ir.Scalar(name="str") if "pattern" in told:
                return ir.Atom(self.draw(PATTERNS[told["pattern"]]))
            case ir.Scalar(name="int" | "float" | "Decimal" as name) if "multiple_of" in told:
                return _number(name, constant(told["multiple_of"]) * self.draw(st.integers(-99, 99)))
            case _:
                return self.value(target, constant(told.get("min_length", ir.Atom(0))))


def _or_none(kind: ir.Type) -> ir.Type:
    return union_of((kind, ir.NONE))


def _number(name: str, value: int | float | str | Decimal) -> ir.Value:
    if name == "Decimal":
        return ir.Built(name, str(value))
    return ir.Atom(float(value) if name == "float" else int(value))


def _is_numeric_choice(kind: ir.Type) -> bool:
    return isinstance(kind, ir.Choice | ir.Named | ir.Imported) and "a number" in json_forms(kind)
