"""Types and values of the IR, spelt in Python."""

import base64
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, get_args

from mcp_sessiongen import ir
from mcp_sessiongen.imports import Imports
from mcp_sessiongen.layout import Alternatives, Expression, Group, Pair, flat
from mcp_sessiongen.naming import RENAMED_IMPORTS
from mcp_sessiongen.python_text import Code, bytes_lit, lit, name, quoted
from mcp_sessiongen.type_parts import bare, parts_of, without_none
from mcp_sessiongen.value_types import is_narrowed, is_optional, member_of

_HOMES: Final = {
    "Decimal": "decimal",
    "UUID": "uuid",
    "date": "datetime",
    "time": "datetime",
    "datetime": "datetime",
    "timedelta": "datetime",
}
_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,300}")
_JSON: Final = ir.Imported("pydantic", "JsonValue", forms=tuple(sorted(get_args(ir.JsonForm))))
_NO_ALIASES: Final[Mapping[ir.Type, Code]] = {}


@dataclass
class Speller:
    """Spells for one generated module, and remembers what has to be imported.

    Attributes:
        taken: The names of all keys and fields: a class that has a field `date` cannot call a type so.
        imports: What has to be imported.
        models: The models that are generated, by name.
        later: The models that are not defined yet where something is spelt now.
    """

    taken: Collection[str]
    imports: Imports
    models: Mapping[str, ir.Model]
    later: set[str] = field(default_factory=set)

    def scalar(self, kind: str) -> Code:
        """Return the name of a scalar type in this module."""
        if kind not in _HOMES:
            return Code("None") if kind == "None" else name(kind)
        spelt = RENAMED_IMPORTS[kind] if kind in self.taken and kind in RENAMED_IMPORTS else kind
        self.imports.use_as(_HOMES[kind], kind, spelt)
        return name(spelt)

    def type(self, kind: ir.Type, aliases: Mapping[ir.Type, Code] = _NO_ALIASES) -> Expression:
        """Return a type.

        Args:
            kind: The type.
            aliases: Parts of it that have a name of their own.
        """
        if kind in aliases:
            return aliases[kind]
        match kind:
            case ir.Scalar(name=scalar):
                return self.scalar(scalar)
            case ir.Named(name=model):
                return quoted(name(model)) if model in self.later else name(model)
            case ir.Imported(module=module, qualname=qualname, arguments=arguments):
                head = self.imports.use_class(module, qualname)
                within = tuple(self.type(argument, aliases) for argument in arguments)
                return Group(head, within, "[]") if within else head
            case ir.Constrained(type=inner, constraints=constraints):
                return self.constrained(constraints, self.type(inner, aliases))
            case ir.Choice(values=values):
                self.imports.use("typing", "Literal")
                return _subscript("Literal", map(lit, values))
            case ir.Array(kind=outer, item=item):
                return _subscript(outer, [self.type(item, aliases)])
            case ir.Table(key=key, value=value):
                return _subscript("dict", [self.type(key, aliases), self.type(value, aliases)])
            case ir.Tuple(items=items, open=is_open):
                listed = [self.type(item, aliases) for item in items] + [Code("...")] * is_open
                return _subscript("tuple", listed or [Code("()")])
            case ir.Union(members=members):
                base = without_none(kind)
                if base == _JSON:  # None is one of its values; and ty takes `JsonValue | None` for a text with `|`
                    return self.type(base, aliases)
                if base in aliases and ir.NONE in members:
                    return Alternatives((aliases[base], Code("None")))
                return self.union(members, aliases)

    def union(self, members: tuple[ir.Type, ...], aliases: Mapping[ir.Type, Code]) -> Expression:
        """Return `a | b`; with a member that is not defined yet, all of it is quoted: a text has no `|`."""
        is_later = any(isinstance(member, ir.Named) and member.name in self.later for member in members)
        later, self.later = self.later, set() if is_later else self.later
        spelt = Alternatives(tuple(self.type(member, aliases) for member in members))
        self.later = later
        return quoted(flat(spelt)) if is_later else spelt

    def constrained(self, constraints: tuple[tuple[str, ir.Value], ...], kind: Expression) -> Expression:
        """Return a type together with its constraints."""
        if not constraints:
            return kind
        self.imports.use("typing", "Annotated")
        self.imports.use("pydantic", "Field")
        labels = tuple(f"{constraint}=" for constraint, _ in constraints)
        arguments = tuple(self.constraint(constraint, value) for constraint, value in constraints)
        return _subscript("Annotated", [kind, Group(Code("Field"), arguments, labels=labels)])

    def unprinted(self, kind: Expression) -> Expression:
        """Return a type together with the note that values of it are not to be printed."""
        self.imports.use("typing", "Annotated")
        self.imports.use("pydantic", "Field")
        said, arguments, labels = kind, tuple[Expression, ...](), tuple[str, ...]()
        if isinstance(kind, Group) and kind.head == "Annotated" and len(kind.items) == 2:
            said, constraints = kind.items
            if isinstance(constraints, Group) and constraints.head == "Field":
                arguments, labels = constraints.items, constraints.labels
        note = Group(Code("Field"), (*arguments, lit(False)), labels=(*labels, "repr="))
        return _subscript("Annotated", [said, note])

    def constraint(self, constraint: str, value: ir.Value) -> Expression:
        """Return the value of a constraint; to checkers, `Field` takes no Decimal as a step."""
        if constraint == "multiple_of" and isinstance(value, ir.Built):
            return lit(float(value.text) if "." in value.text else int(value.text))
        return self.value(value)

    def value(self, value: ir.Value) -> Expression:
        """Return an expression that makes a value."""
        match value:
            case ir.Atom(value=plain):
                return lit(plain)
            case ir.Built(type=kind, text=text):
                return self.built(kind, text)
            case ir.Items(kind=kind, items=items):
                return _collection(kind, tuple(self.value(item) for item in items))
            case ir.Entries(entries=entries):
                pairs = tuple(Pair(self.value(key), self.value(inner)) for key, inner in entries)
                return Group(Code(""), pairs, "{}")
            case ir.Instance():
                return self.instance(value)
            case ir.Member(type=kind, name=member):
                return Code(f"{flat(self.type(kind))}.{name(member)}")
            case ir.OfModel():
                raise ValueError("the default of a user's model is not written out")

    def instance(self, value: ir.Instance) -> Group:
        """Return the constructor call for a model."""
        head = self.imports.use_class(value.module, value.name) if value.module else name(value.name)
        known = {} if value.module else {item.name: item.type for item in self.models[value.name].fields}
        labels = tuple(f"{name(item)}=" for item, _ in value.fields)
        arguments = tuple(
            self.default(inner, known[item]) if item in known else self.value(inner) for item, inner in value.fields
        )
        return Group(head, arguments, labels=labels)

    def default(
        self,
        value: ir.Value,
        kind: ir.Type,
        aliases: Mapping[ir.Type, Code] = _NO_ALIASES,
        *,
        within: bool = False,
    ) -> Expression:
        """Return a default.

        Args:
            value: The default.
            kind: Its type.
            aliases: Parts of the type that have a name of their own.
            within: Whether it is in a tuple or is one of several alternatives, where checkers infer the type of a
                collection from what is in it, too narrowly or too widely: there it names its type.
        """
        inner = partial(self.default, aliases=aliases, within=within)
        plain = bare(kind)
        match value, plain:
            case _, ir.Union():
                member = member_of(plain, value)
                is_set = isinstance(member, ir.Array) and member.kind == "frozenset"
                is_within = within or is_set or not is_optional(plain)
                return self.default(value, member, aliases, within=is_within) if member else self.value(value)
            case ir.Items(items=items), ir.Tuple(items=kinds, open=is_open):
                kinds = kinds * len(items) if is_open else kinds
                listed = tuple(self.default(*pair, aliases, within=True) for pair in zip(items, kinds, strict=True))
                return _collection("tuple", listed)
            case ir.Items(kind=outer, items=items), ir.Array(item=item):
                spelt = _collection(outer, tuple(inner(one, item) for one in items))
            case ir.Entries(entries=entries), ir.Table(key=key, value=entry):
                pairs = tuple(Pair(inner(one, key), inner(other, entry)) for one, other in entries)
                spelt = Group(Code(""), pairs, "{}")
            case _:
                return self.value(value)
        is_named = within and isinstance(spelt, Group) and bool(spelt.items) and any(map(is_narrowed, parts_of(plain)))
        return _named(self.type(plain, aliases), spelt) if is_named else spelt

    def built(self, kind: str, text: str) -> Expression:
        """Return the constructor call for a scalar without a literal."""
        if kind == "bytes":
            return bytes_lit(base64.b64decode(text))
        callee = self.scalar(kind)
        if kind == "date":
            return Group(callee, tuple(Code(str(int(part))) for part in text.split("-")))
        if kind == "timedelta":
            units = [
                (f"{unit}=", Code(part))
                for unit, part in zip(("days", "seconds", "microseconds"), text.split(), strict=True)
            ]
            given = [(label, part) for label, part in units if part != "0"]
            return Group(callee, tuple(part for _, part in given), labels=tuple(label for label, _ in given))
        if kind == "Decimal" and _WHOLE.fullmatch(text):
            return Group(callee, (Code(text),))
        if kind in ("datetime", "time"):
            callee = Code(f"{callee}.fromisoformat")
        return Group(callee, (lit(text),))


def _named(kind: Expression, collection: Expression) -> Group:
    """Return a collection that names its type; a frozenset has a call already."""
    if isinstance(collection, Group) and collection.head:
        return replace(collection, head=kind)
    return Group(kind, (collection,))


def _subscript(head: str, items: Iterable[Expression]) -> Group:
    return Group(Code(head), tuple(items), "[]")


def _collection(kind: str, items: tuple[Expression, ...]) -> Expression:
    match kind:
        case "list":
            return Group(Code(""), items, "[]")
        case "set" if items:
            return Group(Code(""), items, "{}")
        case "frozenset" if items:
            return Group(Code("frozenset"), (Group(Code(""), items, "{}"),))
        case "tuple":
            return Group(Code(""), items, is_tuple=True)
        case _:
            return Code(f"{kind}()")
