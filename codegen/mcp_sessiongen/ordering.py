"""How the models of a schema use each other: their order, how deep they go, and whether values of them can end."""

from collections.abc import Sequence
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.declarations import ModelDeclaration
from mcp_sessiongen.diagnostics import SchemaErrors, fatal

MAX_DEPTH: Final = 32
"""How deep models may be nested into each other."""


def in_order(models: Sequence[ModelDeclaration]) -> list[ModelDeclaration]:
    """Return the models so that each follows those it uses, unless they use each other; else as declared.

    Raises:
        SchemaErrors: If they are nested too deep.
    """
    table = {model.name.value: model for model in models}
    done: dict[str, ModelDeclaration] = {}
    depths: dict[str, int] = {}
    path: list[str] = []

    def visit(model: ModelDeclaration) -> None:
        path.append(model.name.value)
        if len(path) > MAX_DEPTH:
            raise _too_deep(model)
        used = [name for field in model.fields if field.type for name in ir.names_in(field.type.value)]
        for name in used:
            if name in table and name not in done and name not in path:
                visit(table[name])
        depths[model.name.value] = 1 + max((depths.get(name, 0) for name in used), default=0)
        if depths[model.name.value] > MAX_DEPTH:
            raise _too_deep(model)
        path.pop()
        done[model.name.value] = model

    for model in models:
        if model.name.value not in done:
            visit(model)
    return list(done.values())


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
            return any(_is_endless(part, (), endless) for part in ir.parts(kind) if not isinstance(kind, ir.Imported))
