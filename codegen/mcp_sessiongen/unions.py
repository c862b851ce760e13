"""Unions of models: how their members are told apart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from mcp_sessiongen import ir
from mcp_sessiongen.diagnostics import Report, Span
from mcp_sessiongen.type_parts import is_model, parts_of
from mcp_sessiongen.type_rules import describe

_Choices = Mapping[str, tuple[object, ...]]
"""What the fields of a model may be, of those that are Literals."""


@dataclass
class UnionJudge:
    """Reports unions whose models cannot be told apart.

    Attributes:
        models: The models of the schema.
        classes: Those of the user.
        report: Takes the findings.
    """

    models: Mapping[str, ir.Model]
    classes: Mapping[ir.Named | ir.Imported, Any]
    report: Report

    def judge(self, kind: ir.Type, constraints: tuple[tuple[str, ir.Value], ...], span: Span) -> None:
        """Report what is wrong with the unions in a type.

        Args:
            kind: The type.
            constraints: Its own.
            span: Where it is written.
        """
        for union, discriminator in _unions(kind, dict(constraints).get("discriminator")):
            members = [member for member in union.members if is_model(member)]
            tables = [self._choices(member) for member in members]
            if discriminator is not None:
                self._judge_field(str(discriminator), members, tables, span)
            elif len(members) > 1:
                named = " and ".join(map(describe, members[:2]))
                message = f"{named} are both an object in JSON: the union is ambiguous"
                self.report.error(span, "ambiguous-type", message, _hint(members, tables))

    def _judge_field(self, name: str, members: list[ir.Type], tables: list[_Choices], span: Span) -> None:
        taken: dict[object, ir.Type] = {}
        for member, choices in zip(members, tables, strict=True):
            if name not in choices:
                message = f"the discriminator {name} is no field of {describe(member)} with Literal values"
                hint = f'give {describe(member)} a field  {name}: Literal["..."]'
                self.report.error(span, "bad-constraint", message, hint)
                return
            for value in choices[name]:
                if value in taken:
                    message = f"{describe(taken[value])} and {describe(member)} both have {value!r} as {name}"
                    self.report.error(span, "bad-constraint", message, "give each its own value")
                    return
                taken[value] = member

    def _choices(self, kind: ir.Type) -> _Choices:
        if isinstance(kind, ir.Named) and kind.name in self.models:
            fields = self.models[kind.name].fields
            return {field.name: field.type.values for field in fields if isinstance(field.type, ir.Choice)}
        live = self.classes.get(kind) if isinstance(kind, ir.Named | ir.Imported) else None
        infos = getattr(live, "model_fields", {}).items()
        literals = {name: info.annotation for name, info in infos if get_origin(info.annotation) is Literal}
        return {name: get_args(annotation) for name, annotation in literals.items()}


def _unions(kind: ir.Type, discriminator: ir.Value | None) -> Iterator[tuple[ir.Union, object]]:
    """Yield the unions in a type, each with the name of its discriminator or None."""
    if isinstance(kind, ir.Constrained):
        yield from _unions(kind.type, dict(kind.constraints).get("discriminator"))
        return
    if isinstance(kind, ir.Union):
        yield kind, discriminator.value if isinstance(discriminator, ir.Atom) else None
    for part in parts_of(kind):
        yield from _unions(part, None)


def _hint(members: list[ir.Type], tables: list[_Choices]) -> str:
    """Return what would tell the models apart: a field that they all have, with values of its own in each."""
    shared = set.intersection(*(set(choices) for choices in tables))
    for name in sorted(shared):
        values = [value for choices in tables for value in choices[name]]
        if len(set(values)) == len(values):
            return f"say by which field to tell them apart:  discriminator: {name}"
    named = " and ".join(map(describe, members[:2]))
    return f'give {named} a field such as  kind: Literal["..."]  and say  discriminator: kind'
