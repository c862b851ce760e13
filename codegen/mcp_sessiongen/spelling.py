"""Types and values of the IR, spelt in Python, and the imports that the spelling needs."""

import base64
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.naming import RENAMED_IMPORTS
from mcp_sessiongen.python_text import (
    Alternatives,
    Code,
    Expression,
    Group,
    bytes_lit,
    dotted,
    flat,
    laid_out,
    lit,
    name,
)

_HOMES: Final = {
    "Decimal": "decimal",
    "UUID": "uuid",
    "date": "datetime",
    "time": "datetime",
    "datetime": "datetime",
    "timedelta": "datetime",
}
_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,300}")
_STANDARD: Final = frozenset({"collections.abc", "datetime", "decimal", "typing", "uuid"})
_NO_ALIASES: Final[Mapping[ir.Type, str]] = {}


@dataclass
class Speller:
    """Spells for one generated module, and remembers what has to be imported.

    Attributes:
        taken: The names of all keys and fields: a class that has a field `date` cannot call a type so.
    """

    taken: Collection[str]
    imports: dict[str, dict[str, str]] = field(default_factory=dict)

    def use(self, module: str, *names: str) -> None:
        """Note that names of a module are used."""
        for item in names:
            self.imports.setdefault(module, {})[item] = item

    def scalar(self, kind: str) -> Code:
        """Return the name of a scalar type in this module."""
        if kind not in _HOMES:
            return Code("None") if kind == "None" else name(kind)
        spelt = RENAMED_IMPORTS[kind] if kind in self.taken and kind in RENAMED_IMPORTS else kind
        self.imports.setdefault(_HOMES[kind], {})[kind] = spelt
        return name(spelt)

    def type(self, kind: ir.Type, aliases: Mapping[ir.Type, str] = _NO_ALIASES) -> Expression:
        """Return a type.

        Args:
            kind: The type.
            aliases: Parts of it that have a name of their own.
        """
        if kind in aliases:
            return name(aliases[kind])
        match kind:
            case ir.Scalar(name=scalar):
                return self.scalar(scalar)
            case ir.Named(name=model):
                return name(model)
            case ir.Imported(module=module, qualname=qualname):
                self.use(module, qualname.split(".")[0])
                return dotted(qualname)
            case ir.Choice(values=values):
                self.use("typing", "Literal")
                return _subscript("Literal", map(lit, values))
            case ir.Array(kind=outer, item=item):
                return _subscript(outer, [self.type(item, aliases)])
            case ir.Table(key=key, value=value):
                return _subscript("dict", [self.type(key, aliases), self.type(value, aliases)])
            case ir.Tuple(items=items, open=is_open):
                inner = [self.type(item, aliases) for item in items] + [Code("...")] * is_open
                return _subscript("tuple", inner or [Code("()")])
            case ir.Union(members=members):
                base = ir.without_none(kind)
                if base in aliases and ir.NONE in members:
                    return Alternatives((name(aliases[base]), Code("None")))
                return Alternatives(tuple(self.type(member, aliases) for member in members))

    def constrained(self, item: ir.Field, kind: Expression) -> Expression:
        """Return a field's type together with its constraints."""
        if not item.constraints:
            return kind
        self.use("typing", "Annotated")
        self.use("pydantic", "Field")
        labels = tuple(f"{constraint}=" for constraint, _ in item.constraints)
        arguments = tuple(self.value(value) for _, value in item.constraints)
        return _subscript("Annotated", [kind, Group(Code("Field"), arguments, labels=labels)])

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
                labels = tuple(f"{flat(self.value(key))}: " for key, _ in entries)
                return Group(Code(""), tuple(self.value(inner) for _, inner in entries), "{}", labels)
            case ir.Instance(name=model, fields=given):
                labels = tuple(f"{name(item)}=" for item, _ in given)
                return Group(dotted(model), tuple(self.value(inner) for _, inner in given), labels=labels)
            case ir.Member(type=kind, name=member):
                return Code(f"{flat(self.type(kind))}.{name(member)}")

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

    def import_lines(self) -> Code:
        """Return the import statements, as isort sorts them."""
        standard = [self._import(module) for module in sorted(self.imports) if module in _STANDARD]
        others = [self._import(module) for module in sorted(self.imports) if module not in _STANDARD]
        return Code("\n\n".join("\n".join(lines) for lines in (standard, others) if lines))

    def _import(self, module: str) -> str:
        pairs = sorted(self.imports[module].items(), key=lambda pair: import_order(pair[0]))
        spelt = [name(item) if item == alias else Code(f"{name(item)} as {name(alias)}") for item, alias in pairs]
        # An alias gets a statement of its own, as isort would have it.
        plain = tuple(item for item in spelt if " as " not in item)
        groups = [group for group in (plain, *((item,) for item in spelt if " as " in item)) if group]
        groups.sort(key=lambda group: import_order(group[0].split(" ")[0]))
        return "\n".join(_from_import(dotted(module), group) for group in groups)


def import_order(item: str) -> tuple[int, str]:
    """Return isort's order of names: constants, classes, the rest."""
    if item.isupper() and len(item) > 1:
        return 0, item
    return (1 if item[:1].isupper() else 2), item


def _from_import(module: Code, items: tuple[Code, ...]) -> Code:
    line = Code(f"from {module} import {', '.join(items)}")
    return line if len(line) <= 88 else laid_out(f"from {module} import ", Group(Code(""), items), split=True)


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
        case "tuple" if len(items) == 1:
            return Code(f"({flat(items[0])},)")
        case "tuple":
            return Group(Code(""), items)
        case _:
            return Code(f"{kind}()")
