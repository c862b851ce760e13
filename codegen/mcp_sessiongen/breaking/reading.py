"""Whether what one type has stored reads under another, and as the same value.

Pure, and careful: when it is not sure, it says that something is wrong. What Pydantic would convert from JSON, such as
a number in a text, counts as wrong too, since the value would be another one.
"""

from collections.abc import Iterator
from typing import TypeAlias

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.limits import Constraints, fits_float, is_float, limiting, violated
from mcp_sessiongen.breaking.problems import Kind, Problem, Types
from mcp_sessiongen.type_rules import describe, json_forms

Bounded: TypeAlias = tuple[ir.Type, Constraints]
"""A type and the constraints that its values are within."""


class Reading:
    """One way of reading: values written with the types of one module, read with those of another."""

    def __init__(self, writer: Types, reader: Types) -> None:
        self.writer = writer
        self.reader = reader
        self.place: tuple[tuple[str, str], tuple[str, str]] = (("", ""), ("", ""))
        self.seen: set[tuple[str, str]] = set()

    def problems(self, written: ir.Field, read: ir.Field) -> tuple[Problem, ...]:
        """Return all that is wrong with reading the values of one key with another."""
        self.seen.clear()
        return tuple(dict.fromkeys(self._read(_bounded(written), _bounded(read))))

    def _problem(self, kind: Kind, written: str = "", read: str = "") -> Problem:
        return Problem(kind, written, read, *self.place)

    def _misfit(self, written: Bounded, read: Bounded) -> Problem:
        return self._problem("type", describe(written[0]), describe(read[0]))

    def _read(self, written: Bounded, read: Bounded) -> Iterator[Problem]:
        written, read = _unwrapped(written), _unwrapped(read)
        if isinstance(written[0], ir.Union) or isinstance(read[0], ir.Union):
            yield from self._union(written, read)
        elif self.writer.all_of(written[0]) is not None:
            yield from self._listed(written, read)
        else:
            yield from self._plain(written, read)

    # --- unions ----------------------------------------------------------------------------------------------------

    def _union(self, written: Bounded, read: Bounded) -> Iterator[Problem]:
        members, others = _members(written), _members(read)
        if len(members) > 1 and len(others) > 1 and _discriminator(written) != _discriminator(read):
            yield self._misfit(written, read)
            return
        for member in members:
            if len(others) == 1:
                yield from self._read(member, others[0])
                continue
            forms = json_forms(member[0])
            near = [other for other in others if json_forms(other[0]) & forms]
            fitting = [other for other in near if not self._quietly(member, other)]
            same = [other for other in near if other[0] == member[0]] or near
            if fitting:
                continue
            if len(near) > 1 and self.writer.all_of(member[0]) is None and not same[1:]:
                near = same
            if len(near) == 1:
                yield from self._read(member, near[0])
            else:
                yield self._misfit(written, read)

    def _quietly(self, written: Bounded, read: Bounded) -> bool:
        """Tell whether there is a problem, without any trace."""
        place, seen = self.place, set(self.seen)
        try:
            return any(True for _ in self._read(written, read))
        finally:
            self.place, self.seen = place, seen

    # --- lists of values -------------------------------------------------------------------------------------------

    def _listed(self, written: Bounded, read: Bounded) -> Iterator[Problem]:
        values = self.writer.all_of(written[0]) or ()
        known = self.reader.all_of(read[0])
        place = self.place
        if isinstance(written[0], ir.Named) and isinstance(read[0], ir.Named):
            self.place = ((written[0].name, ""), (read[0].name, ""))
        if known is None:
            if limiting(read[1]) or not all(_takes(read[0], value) for value in values):
                yield self._misfit(written, read)
        else:
            told = {(type(value), value) for value in known}
            lacking = [value for value in values if (type(value), value) not in told]
            if len(lacking) == len(values):
                yield self._misfit(written, read)
            elif lacking:
                yield self._problem("value", ", ".join(map(repr, lacking)))
        self.place = place

    # --- all else --------------------------------------------------------------------------------------------------

    def _plain(self, written: Bounded, read: Bounded) -> Iterator[Problem]:
        match written[0], read[0]:
            case ir.Scalar(name=name), ir.Scalar(name=other):
                yield from self._scalar(name, other, written, read)
            case ir.Array(kind=kind, item=item), ir.Array(kind=other, item=part) if _are_alike(kind, other):
                yield from self._limits("", written, read)
                yield from self._read((item, ()), (part, ()))
            case ir.Table(key=key, value=value), ir.Table(key=other_key, value=other_value):
                yield from self._limits("", written, read)
                yield from self._read((key, ()), (other_key, ()))
                yield from self._read((value, ()), (other_value, ()))
            case ir.Tuple(), ir.Tuple():
                yield from self._tuple(written, written[0], read, read[0])
            case ir.Named(name=name), ir.Named(name=other):
                yield from self._model(name, other, written, read)
            case ir.Imported() as kind, ir.Imported() as other if kind == other:  # of the class nothing is known
                for argument in kind.arguments:
                    yield from self._read((argument, ()), (argument, ()))
            case _:
                yield self._misfit(written, read)

    def _scalar(self, name: str, other: str, written: Bounded, read: Bounded) -> Iterator[Problem]:
        is_exact = name == other or (name, other) == ("int", "Decimal")
        if is_exact or ((name, other) == ("int", "float") and fits_float(written[1])):
            yield from self._limits(name if name == other else "int", written, read)
        else:
            yield self._misfit(written, read)

    def _limits(self, name: str, written: Bounded, read: Bounded) -> Iterator[Problem]:
        for constraint in dict.fromkeys(violated(name, written[1], read[1])):
            yield self._problem("constraint", _in_words(constraint, written[1]), _in_words(constraint, read[1]))

    def _tuple(self, written: Bounded, kind: ir.Tuple, read: Bounded, other: ir.Tuple) -> Iterator[Problem]:
        others = other.items if kind.open or not other.open else other.items * len(kind.items)
        is_alike = other.open if kind.open else not limiting(read[1]) if other.open else len(kind.items) == len(others)
        if not is_alike:
            yield self._misfit(written, read)
            return
        yield from self._limits("", written, read)
        for item, part in zip(kind.items, others, strict=True):
            yield from self._read((item, ()), (part, ()))

    def _model(self, name: str, other: str, written: Bounded, read: Bounded) -> Iterator[Problem]:
        model, reader = self.writer.models.get(name), self.reader.models.get(other)
        if model is None or reader is None:
            yield self._misfit(written, read)
            return
        if (name, other) in self.seen:
            return
        self.seen.add((name, other))
        place = self.place
        theirs = {field.name: field for field in reader.fields}
        for field in model.fields:
            twin = theirs.pop(field.name, None)
            self.place = ((name, field.name), (other, field.name if twin else ""))
            if twin is None:
                yield self._problem("lost", field.name)
                continue
            if field.default is not None and twin.default is None:
                yield self._problem("default", field.name)
            yield from self._read(_bounded(field), _bounded(twin))
        for field in theirs.values():
            self.place = ((name, ""), (other, field.name))
            if field.default is None:
                yield self._problem("required", read=field.name)
        self.place = place


def _bounded(field: ir.Field) -> Bounded:
    return field.type, field.constraints


def _unwrapped(given: Bounded) -> Bounded:
    kind, constraints = given
    return _unwrapped((kind.type, (*constraints, *kind.constraints))) if isinstance(kind, ir.Constrained) else given


def _members(given: Bounded) -> list[Bounded]:
    """Return the members of a union, each with its constraints: None has none."""
    kind, constraints = given
    if not isinstance(kind, ir.Union):
        return [given]
    inner = tuple((name, value) for name, value in constraints if name != "discriminator")
    return [_unwrapped((member, () if member == ir.NONE else inner)) for member in kind.members]


def _discriminator(given: Bounded) -> ir.Value | None:
    return dict(given[1]).get("discriminator")


def _takes(kind: ir.Type, value: str | int | bool) -> bool:
    """Tell whether a type that does not list its values has this one."""
    match kind:
        case ir.Scalar(name="str"):
            return isinstance(value, str)
        case ir.Scalar(name="int" | "Decimal"):
            return type(value) is int
        case ir.Scalar(name="float"):
            return type(value) is int and is_float(value)
        case _:
            return False


def _are_alike(kind: str, other: str) -> bool:
    """Tell whether collections are equal to Python if their items are."""
    return kind == other or "list" not in (kind, other)


def _in_words(name: str, constraints: Constraints) -> str:
    for constraint, value in constraints:
        if constraint == name:
            shown = value.text if isinstance(value, ir.Built) else repr(getattr(value, "value", value))
            return f"{name} {shown}"
    return f"no {name}"
