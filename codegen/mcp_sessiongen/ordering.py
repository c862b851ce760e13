"""How the models of a schema use each other: their order, how deep they go, and whether values of them can end."""

from collections.abc import Sequence
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.declarations import ModelDeclaration
from mcp_sessiongen.diagnostics import SchemaErrors, fatal
from mcp_sessiongen.type_parts import names_in, parts_of

MAX_DEPTH: Final = 32
"""How deep models may be nested into each other."""


def in_order(models: Sequence[ModelDeclaration]) -> list[ModelDeclaration]:
    """Return the models so that each follows those it uses; those that use each other are together, as declared.

    Raises:
        SchemaErrors: If they are nested too deep.
    """
    return _Order(models).found


class _Order:
    """Tarjan's algorithm: a set of models that use each other is complete when the first of them that was met is."""

    def __init__(self, models: Sequence[ModelDeclaration]) -> None:
        self.table = {model.name.value: model for model in models}
        self.places = {name: place for place, name in enumerate(self.table)}
        self.found: list[ModelDeclaration] = []
        self.met: dict[str, int] = {}
        self.depths: dict[str, int] = {}
        self.open: list[str] = []
        for name in self.table:
            if name not in self.met:
                self.visit(name, 1)

    def visit(self, name: str, level: int) -> int:
        """Put a model, and those it uses, in order; return when the first was met of those that it uses in a circle."""
        model = self.table[name]
        if level > MAX_DEPTH:
            raise _too_deep(model)
        first = self.met[name] = len(self.met)
        self.open.append(name)
        used = {part for field in model.fields if field.type for part in names_in(field.type.value)}
        for other in sorted(used & self.table.keys(), key=self.places.__getitem__):
            if other not in self.met:
                first = min(first, self.visit(other, level + 1))
            elif other in self.open:
                first = min(first, self.met[other])
        self.depths[name] = 1 + max((self.depths.get(other, 0) for other in used), default=0)
        if self.depths[name] > MAX_DEPTH:
            raise _too_deep(model)
        if first == self.met[name]:
            start = self.open.index(name)
            circle = sorted(self.open[start:], key=self.places.__getitem__)
            del self.open[start:]
            self.found.extend(self.table[member] for member in circle)
        return first


def _too_deep(model: ModelDeclaration) -> SchemaErrors:
    message = f"with type {model.name.value}, value types are nested deeper than {MAX_DEPTH} levels"
    return fatal(model.name.span, "too-large", message, "flatten the types")


def endless_fields(models: Sequence[ir.Model]) -> list[tuple[str, str]]:
    """Return (model, field) for every field without which its model would have a finite value, but has none."""
    endless = {model.name: model for model in models}
    while True:
        ended = [name for name, model in endless.items() if not _endless_in(model, endless)]
        if not ended:
            return [(name, field.name) for name, model in endless.items() for field in _endless_in(model, endless)]
        for name in ended:
            del endless[name]


def _endless_in(model: ir.Model, endless: dict[str, ir.Model]) -> list[ir.Field]:
    required = [field for field in model.fields if field.default is None]
    return [field for field in required if _is_endless(field.type, field.constraints, endless)]


def _is_endless(kind: ir.Type, constraints: tuple[tuple[str, ir.Value], ...], endless: dict[str, ir.Model]) -> bool:
    """Tell whether each value of a type holds one of an endless model."""
    match kind:
        case ir.Named(name=name):
            return name in endless
        case ir.Constrained(type=inner, constraints=more):
            return _is_endless(inner, (*constraints, *more), endless)
        case ir.Union(members=members):
            return all(_is_endless(member, constraints, endless) for member in members)
        case ir.Array() | ir.Table() | ir.Tuple(open=True) if dict(constraints).get("min_length") in (None, ir.Atom(0)):
            return False
        case _:
            return any(_is_endless(part, (), endless) for part in parts_of(kind) if not isinstance(kind, ir.Imported))
