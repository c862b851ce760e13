"""From declarations to the IR: where names, options, constraints and defaults are judged. Pure.

Types are settled already, as far as one can be judged by itself: a front end can say best where in a type something is
wrong. Everything here treats both front ends alike, so that both forms of a schema mean the same and are refused for
the same reasons.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, cast

from mcp_sessiongen import constraints, ir, names
from mcp_sessiongen.clashes import report_clashes
from mcp_sessiongen.declarations import (
    Declarations,
    Default,
    FieldDeclaration,
    Located,
    ModelDeclaration,
    SessionDeclaration,
)
from mcp_sessiongen.default_hints import misfit_hint
from mcp_sessiongen.diagnostics import Report
from mcp_sessiongen.doc_text import normal_doc
from mcp_sessiongen.enums import read_enum
from mcp_sessiongen.key_rules import report_key_rules
from mcp_sessiongen.live_types import LiveTypes
from mcp_sessiongen.options import OptionReader
from mcp_sessiongen.ordering import endless_fields, in_order
from mcp_sessiongen.type_parts import names_in, unwrapped, without_none
from mcp_sessiongen.type_rules import describe
from mcp_sessiongen.unions import UnionJudge
from mcp_sessiongen.values import Misfit

_PENDING: Final = ir.OfModel()
"""Stands in the draft of a field for a default that is judged when all types are known."""

_ENDLESS_HINT: Final = "let it be None, give it a default, or put it into a list"


def analyze(declared: Declarations, report: Report) -> ir.Module:
    """Return what a source means.

    Args:
        declared: What a front end made of it.
        report: Takes the findings; when there are any, the result is not to be used.
    """
    return _Analysis(declared, report).module()


class _Analysis:
    def __init__(self, declared: Declarations, report: Report) -> None:
        self.declared = declared
        self.report = report
        self.options = OptionReader(report)
        self.enums = tuple(read_enum(declaration, report) for declaration in declared.enums)
        self.broken = {enum.name for enum in self.enums if not enum.members}
        self.ordered = in_order(declared.models)
        self.drafts = {model.name.value: self.draft_model(model) for model in self.ordered}
        self.unions = UnionJudge(self.drafts, declared.classes, report)
        self.live = LiveTypes(declared.classes, self.drafts, {enum.name: enum for enum in self.enums})
        self.defined: set[str] = set()

    def module(self) -> ir.Module:
        before = len(self.report.found)
        for located in self.declared.type_names:
            self.judge(located, names.type_problem(located.value))
        self.report_endless()
        models = tuple(self.model(declaration) for declaration in self.ordered)
        sessions = tuple(self.session(declaration) for declaration in self.declared.sessions)
        if not self.declared.sessions and len(self.report.found) == before == 0:
            hint = "declare a session, with at least one key"
            self.report.error(self.declared.source.span(), "empty-schema", "no session is declared", hint)
        report_clashes(self.declared, self.report)
        return ir.Module(models, sessions, self.enums)

    def judge(self, name: Located[str], problem: names.Problem | None) -> None:
        if problem:
            self.report.error(name.span, "bad-name", problem.message, problem.hint)

    # --- models ----------------------------------------------------------------------------------------------------

    def draft_model(self, declaration: ModelDeclaration) -> ir.Model:
        before = len(self.report.found)
        drafts = [self.draft(field) for field in declaration.fields]
        if None in drafts or len(self.report.found) > before:
            self.broken.add(declaration.name.value)
        fields = tuple(draft for draft in drafts if draft)
        return ir.Model(declaration.name.value, fields, normal_doc(declaration.doc))

    def draft(self, declaration: FieldDeclaration) -> ir.Field | None:
        """Return a field whose default is not judged yet; None without a type."""
        if declaration.type is None:
            return None
        kind, merged = unwrapped(declaration.type.value)
        if merged or declaration.constraints:
            checked = dict(constraints.check(kind, declaration.constraints, self.report))
            merged = constraints.in_order({**dict(merged), **checked})
        default = _PENDING if declaration.default else None
        return ir.Field(declaration.name.value, kind, default, merged, normal_doc(declaration.doc))

    def report_endless(self) -> None:
        table = {model.name.value: model for model in self.ordered}
        for model, name in endless_fields(list(self.drafts.values())):
            field = next(field for field in table[model].fields if field.name.value == name)
            span = field.type.span if field.type else field.name.span
            message = f"no value of {model} could ever be complete: its {name} needs another {model}"
            self.report.error(span, "endless-type", message, _ENDLESS_HINT)

    def model(self, declaration: ModelDeclaration) -> ir.Model:
        draft = self.drafts[declaration.name.value]
        for field in declaration.fields:
            self.judge(field.name, names.key_problem(field.name.value))
            self.options.of_field(field.options)
        model = replace(draft, fields=self.fields(declaration.fields, draft.fields))
        self.defined.add(model.name)
        return model

    def fields(self, declarations: Iterable[FieldDeclaration], drafts: Iterable[ir.Field]) -> tuple[ir.Field, ...]:
        """Return fields with their defaults; drafts are those of the declarations that have a type."""
        typed = [declaration for declaration in declarations if declaration.type]
        return tuple(map(self.field, typed, drafts))

    def field(self, declaration: FieldDeclaration, draft: ir.Field) -> ir.Field:
        kind, default = declaration.type, declaration.default
        if kind:
            self.unions.judge(draft.type, draft.constraints, kind.span)
        if default is None:
            return draft
        # Quicker than `replace`; a draft has nothing but this.
        return ir.Field(draft.name, draft.type, self.default(draft, default), draft.constraints, draft.doc)

    def default(self, draft: ir.Field, default: Default) -> ir.Value | None:
        if not self.is_sound(draft.type):
            return None
        try:
            value = self.live.value(draft, default)
            early = [name for name in _instances_in(value) if name not in self.defined and name in self.drafts]
            if early:
                raise Misfit(f"it holds a {early[0]}, which refers back to where the default stands")
        except Misfit as misfit:
            message = f"the default of {draft.name} does not fit {describe(draft.type)}: {misfit}"
            hint = default.hint or self.default_hint(draft, default)
            self.report.error(default.span, "bad-default", message, hint)
            return None
        return value

    def default_hint(self, draft: ir.Field, default: Default) -> str:
        """Return what to write instead of a default that does not fit."""
        if draft.constraints and self.is_of_type(draft, default):
            given = ", ".join(name for name, _ in draft.constraints)
            return f"write another default, or change {given}"
        try:
            live = self.live.live(without_none(draft.type))
        except Misfit:  # the type itself is what does not work
            live = None
        return misfit_hint(draft.type, default.value, live, is_json=default.mode == "json")

    def is_of_type(self, draft: ir.Field, default: Default) -> bool:
        """Tell whether a default would fit if there were no constraints."""
        try:
            self.live.value(replace(draft, constraints=()), default)
        except Misfit:
            return False
        return True

    def is_sound(self, kind: ir.Type) -> bool:
        """Tell whether nothing was reported about what a type is made of."""
        if not self.broken:
            return True
        waiting, seen = list(names_in(kind)), set[str]()
        while waiting:
            name = waiting.pop()
            if name in self.broken:
                return False
            if name not in seen:
                seen.add(name)
                fields = self.drafts[name].fields if name in self.drafts else ()
                waiting.extend(inner for field in fields for inner in names_in(field.type))
        return True

    # --- sessions --------------------------------------------------------------------------------------------------

    def session(self, declaration: SessionDeclaration) -> ir.Session:
        name = declaration.name
        self.judge(name, names.session_problem(name.value))
        if not declaration.keys and declaration.is_readable:
            hint = "give it a key:  counter: int = 0"
            self.report.error(name.span, "empty-schema", f"session {name.value} has no keys", hint)
        options = self.options.of_session(declaration.options)
        session = _session(declaration, self.keys(declaration), options)
        report_key_rules(declaration, session, self.report)
        return session

    def keys(self, declaration: SessionDeclaration) -> tuple[ir.Field, ...]:
        found = []
        has_state = any(key.default is None for key in declaration.keys)
        for key in declaration.keys:
            self.judge(key.name, _key_problem(key.name.value, declaration, has_state=has_state))
            options = self.options.of_key(key.options)
            before = len(self.report.found)
            draft = self.draft(key)
            if draft is None:
                continue
            if declaration.model is None and len(self.report.found) == before:
                draft = self.field(key, draft)
            found.append(_with_options(draft, options) if options else draft)
        return tuple(found)


def _with_options(key: ir.Field, options: Mapping[str, object]) -> ir.Field:
    return replace(
        key,
        ttl=cast("float | None", options.get("ttl")),
        create=cast("ir.Create", options.get("create", "")),
        renamed_from=cast("str", options.get("renamed_from", "")),
        deprecated=cast("str", options.get("deprecated", "")),
        secret=cast("bool", options.get("secret", False)),
    )


def _key_problem(name: str, declaration: SessionDeclaration, *, has_state: bool) -> names.Problem | None:
    """Judge the name of a key; that of a bound one is given by the user's model."""
    if declaration.model is None:
        return names.key_problem(name)
    return names.attribute_problem(name) or (names.state_problem(name) if has_state else None)


def _instances_in(value: ir.Value) -> Iterator[str]:
    """Yield the names of the schema's own models that a value is made of."""
    match value:
        case ir.Instance(name=name, fields=given, module=module):
            if not module:
                yield name
            for _, inner in given:
                yield from _instances_in(inner)
        case ir.Items(items=items):
            for item in items:
                yield from _instances_in(item)
        case ir.Entries(entries=entries):
            for pair in entries:
                for inner in pair:
                    yield from _instances_in(inner)
        case _:
            pass


def _session(declaration: SessionDeclaration, keys: tuple[ir.Field, ...], options: Mapping[str, object]) -> ir.Session:
    """Return the session in its normal form: options that say what holds anyway are left out."""
    name = declaration.name.value
    handle = cast("str", options.get("handle", ""))
    argument = handle or name
    create, end = cast("str", options.get("create_tool", "")), cast("str", options.get("end_tool", ""))
    return ir.Session(
        name=name,
        keys=keys,
        doc=normal_doc(declaration.doc),
        version=cast("int", options.get("version", 1)),
        idle=cast("float | None", options.get("idle")),
        max=cast("float | None", options.get("max")),
        scope=cast("ir.Scope", options.get("scope", "auto")),
        handle="" if handle == name else handle,
        create_tool="" if create == f"create_{argument}" else create,
        end_tool="" if end == f"end_{argument}" else end,
        list_tool=cast("str", options.get("list_tool", "")),
        reserved=cast("tuple[str, ...]", options.get("reserved", ())),
        model=declaration.model,
        fingerprint=declaration.fingerprint,
        migrations=cast("tuple[ir.Migration, ...]", options.get("migrations", ())),
    )
