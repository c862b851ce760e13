"""Random edits of random schemas, as Hypothesis draws them: what a team does to a schema between two releases.

An edit may make a schema that is none; whoever uses it tries, and gives it up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from hypothesis import strategies as st
from tests.codegen.scalar_strategies import PATTERNS, SCALARS

from mcp_sessiongen import ir
from mcp_sessiongen.type_parts import parts_of, union_of, with_parts, without_none

T = TypeVar("T")

_NEAR: Final = {
    "int": ("float", "Decimal", "bool", "str"),
    "float": ("int", "Decimal"),
    "Decimal": ("int", "float", "str"),
    "date": ("datetime", "str"),
    "datetime": ("date", "time"),
    "UUID": ("str",),
    "bool": ("int",),
    "bytes": ("str",),
    "str": ("bytes", "int", "date"),
    "time": ("timedelta", "str"),
    "timedelta": ("int", "str"),
}
_CIRCLE: Final = ("other", "others")


@st.composite
def edited(draw: st.DrawFn, module: ir.Module, release: int = 1) -> ir.Module:
    """Return a module after one to three edits; those of another release make other names."""
    editor = _Editor(draw, module, release)
    for _ in range(draw(st.integers(1, 3))):
        editor.edit()
    return editor.module


@dataclass
class _Editor:
    draw: Callable[[st.SearchStrategy[T]], T]
    module: ir.Module
    release: int

    def one(self, options: Sequence[T]) -> T:
        return self.draw(st.sampled_from(options))

    def edit(self) -> None:
        edits = [self.key, self.key, self.key, self.keys]
        edits += [self.model] * bool(self.module.models) * 2 + [self.enum] * bool(self.module.enums) * 2
        self.one(edits)()

    # --- what is edited --------------------------------------------------------------------------------------------

    def key(self) -> None:
        number = self.draw(st.integers(0, len(self.module.sessions) - 1))
        session = self.module.sessions[number]
        place = self.draw(st.integers(0, len(session.keys) - 1))
        keys = (*session.keys[:place], self.field(session.keys[place]), *session.keys[place + 1 :])
        sessions = list(self.module.sessions)
        sessions[number] = replace(session, keys=keys)
        self.module = replace(self.module, sessions=tuple(sessions))

    def keys(self) -> None:
        """Rename, remove or add a key, and say so in the schema or not."""
        number = self.draw(st.integers(0, len(self.module.sessions) - 1))
        session = self.module.sessions[number]
        place = self.draw(st.integers(0, len(session.keys) - 1))
        key, is_told = session.keys[place], self.draw(st.booleans())
        kept = (*session.keys[:place], *session.keys[place + 1 :])
        name = next(name for n in range(9) if (name := f"release_{self.release}_{n}") not in _names(session))
        match self.one(("rename", "remove", "add")):
            case "rename":
                changed = self.field(key) if self.draw(st.booleans()) else key
                old = key.name if is_told else ""
                session = replace(session, keys=(*kept, replace(changed, name=name, renamed_from=old)))
            case "remove" if kept:
                reserved = (*session.reserved, key.name) if is_told else session.reserved
                session = replace(session, keys=kept, reserved=reserved)
            case _:
                session = replace(session, keys=(*session.keys, ir.Field(name, ir.Scalar("str"))))
        sessions = list(self.module.sessions)
        sessions[number] = session
        self.module = replace(self.module, sessions=tuple(sessions))

    def model(self) -> None:
        number = self.draw(st.integers(0, len(self.module.models) - 1))
        model = self.module.models[number]
        models = list(self.module.models)
        models[number] = replace(model, fields=self.fields(model.fields))
        self.module = replace(self.module, models=tuple(models))

    def fields(self, fields: tuple[ir.Field, ...]) -> tuple[ir.Field, ...]:
        kind = self.one(("add", "remove", "change", "change"))
        able = [number for number, field in enumerate(fields) if field.name not in _CIRCLE]
        if kind == "add" or not able:
            name = self.one(("str", "int", "bool"))
            default = self.one((None, self.draw(SCALARS[name])))
            added = ir.Field("added", ir.Scalar(name), default)
            return fields if any(field.name == "added" for field in fields) else (*fields, added)
        place = self.one(able)
        changed = () if kind == "remove" else (self.field(fields[place]),)
        return (*fields[:place], *changed, *fields[place + 1 :])

    def enum(self) -> None:
        number = self.draw(st.integers(0, len(self.module.enums) - 1))
        enum = self.module.enums[number]
        is_text = isinstance(enum.members[0].value, str)
        members = enum.members[1:] if len(enum.members) > 1 and self.draw(st.booleans()) else enum.members
        if members == enum.members or self.draw(st.booleans()):
            members = (*members, ir.EnumMember("ADDED", "an added value" if is_text else 10**7))
        enums = list(self.module.enums)
        enums[number] = replace(enum, members=tuple({member.name: member for member in members}.values()))
        self.module = replace(self.module, enums=tuple(enums))

    def field(self, field: ir.Field) -> ir.Field:
        """Change a key or field: its type, its constraints, or whether it has a default."""
        kind = self.one(("type", "constraints", "both", "default"))
        if kind == "default":
            return replace(field, default=None)
        changed = self.type(field.type) if kind != "constraints" else field.type
        is_other = type(without_none(changed)) is not type(without_none(field.type)) or isinstance(changed, ir.Scalar)
        constraints = self.constraints(changed) if kind != "type" or is_other else field.constraints
        create = field.create if field.create != "required" else "optional"
        return replace(field, type=changed, default=None, constraints=constraints, create=create)

    # --- types -----------------------------------------------------------------------------------------------------

    def type(self, kind: ir.Type) -> ir.Type:
        parts = parts_of(kind)
        if isinstance(kind, ir.Constrained) and self.draw(st.booleans()):
            return self.constrained(self.type(kind.type))
        if parts and not isinstance(kind, ir.Constrained) and self.draw(st.booleans()):
            chosen = self.one(parts)
            return with_parts(kind, lambda part: self.type(part) if part is chosen else part)
        if self.draw(st.integers(0, 3)) == 0:
            return without_none(kind) if without_none(kind) != kind else union_of((kind, ir.NONE))
        return self.other(kind)

    def other(self, kind: ir.Type) -> ir.Type:
        match kind:
            case ir.Scalar(name=name) if name in _NEAR:
                return ir.Scalar(self.one(_NEAR[name]))
            case ir.Choice(values=values):
                is_text = isinstance(values[0], str)
                more: tuple[str | int, ...] = (*values, "an added value" if is_text else 10**7)
                fewer = values[1:] or values
                return self.one((ir.Choice(more), ir.Choice(fewer), ir.Scalar("str" if is_text else "int")))
            case ir.Array(kind=outer, item=item):
                others = [ir.Array(other, item) for other in ("list", "set", "frozenset") if other != outer]
                return self.one((*others, ir.Tuple((item,), open=True)))
            case ir.Tuple(items=items, open=is_open):
                longer = ir.Tuple((*items, ir.Scalar("int")))
                return self.one((longer, ir.Tuple(items[:1], open=not is_open), ir.Array("list", items[0])))
            case ir.Union(members=members):
                return union_of(self.one((members[1:], members[:-1], (*members, ir.Scalar("bool")))))
            case ir.Constrained(type=inner):
                return self.constrained(inner)
            case ir.Named(forms=forms) if forms:
                plain = ir.Scalar("str" if forms == ("text",) else "int")
                return self.one((plain, *(self.enum_type(enum) for enum in self.module.enums)))
            case _:
                return self.one((ir.Scalar("str"), ir.Table(ir.Scalar("str"), ir.Scalar("int")), kind))

    def constrained(self, inner: ir.Type) -> ir.Type:
        constraints = self.constraints(inner)
        return ir.Constrained(inner, constraints) if constraints else inner

    def enum_type(self, enum: ir.Enumeration) -> ir.Type:
        values = tuple(member.value for member in enum.members)
        is_text = isinstance(values[0], str)
        return self.one((ir.Named(enum.name, ("text",) if is_text else ("a number",)), ir.Choice(values)))

    # --- constraints -----------------------------------------------------------------------------------------------

    def constraints(self, kind: ir.Type) -> tuple[tuple[str, ir.Value], ...]:
        """Make constraints that are so narrow that some values are within, and some are not."""
        match without_none(kind):
            case ir.Scalar(name="int" | "float" | "Decimal" as name):
                names = self.some(("gt", "ge", "lt", "le", "multiple_of"))
                bounds = [(word, self.number(name, least=1 if word == "multiple_of" else -2)) for word in names]
                digits = [(word, ir.Atom(self.draw(st.integers(2, 8)))) for word in ("max_digits", "decimal_places")]
                more = self.some(digits) if name == "Decimal" else ()
                flag = [("allow_inf_nan", ir.Atom(self.draw(st.booleans())))] if name != "int" else []
                return (*bounds, *more, *self.some(flag))
            case ir.Scalar(name="str"):
                patterns = [("pattern", self.one(list(PATTERNS)))] if self.draw(st.booleans()) else []
                return (*self.lengths(), *patterns)
            case ir.Scalar(name="bytes") | ir.Array() | ir.Table() | ir.Tuple(open=True):
                return self.lengths()
            case _:
                return ()

    def number(self, name: str, least: int) -> ir.Value:
        value = self.draw(st.integers(least, 4))
        if name == "Decimal":
            return ir.Built(name, str(value))
        return ir.Atom(float(value) if name == "float" else value)

    def lengths(self) -> tuple[tuple[str, ir.Value], ...]:
        least, most = self.draw(st.integers(0, 2)), self.draw(st.integers(1, 4))
        return self.some([("min_length", ir.Atom(least)), ("max_length", ir.Atom(max(least, most)))])

    def some(self, options: Sequence[T]) -> tuple[T, ...]:
        return tuple(option for option in options if self.draw(st.booleans()))


def _names(session: ir.Session) -> set[str]:
    """Return all names that keys have or had."""
    return {*session.reserved, *(key.name for key in session.keys), *(key.renamed_from for key in session.keys)}
