"""From declarations to the IR: where names, options, constraints and defaults are judged. Pure.

Types are settled already: a front end can say best where in a type something is wrong. Everything here treats both
front ends alike, so that both forms of a schema mean the same and are refused for the same reasons.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, cast, get_args

from mcp_sessiongen import constraints, ir, names
from mcp_sessiongen.clashes import report_clashes
from mcp_sessiongen.declarations import (
    OPTIONS,
    Declarations,
    FieldDeclaration,
    Located,
    ModelDeclaration,
    SessionDeclaration,
)
from mcp_sessiongen.diagnostics import Report, SchemaErrors, fatal
from mcp_sessiongen.doc_text import normal_doc
from mcp_sessiongen.safe_text import safe_repr
from mcp_sessiongen.type_rules import describe
from mcp_sessiongen.values import LiveTypes, Misfit

_MAX_DEPTH: Final = 32
_UNITS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION: Final = re.compile(r"(?:[0-9]{1,12}(?:\.[0-9]{1,6})?[dhms])+")
_PART: Final = re.compile(r"([0-9.]+)([dhms])")
_DURATION_HINT: Final = "write a number and a unit: 30m, 24h, 7d or 1h30m"


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
        self.live = LiveTypes(declared.classes)

    def module(self) -> ir.Module:
        before = len(self.report.found)
        models = tuple(model for declaration in self.ordered() if (model := self.model(declaration)))
        sessions = tuple(self.session(declaration) for declaration in self.declared.sessions)
        if not self.declared.sessions and len(self.report.found) == before == 0:
            hint = "declare a session, with at least one key"
            self.report.error(self.declared.source.span(), "empty-schema", "no session is declared", hint)
        report_clashes(self.declared, self.report)
        return ir.Module(models, sessions)

    # --- models ----------------------------------------------------------------------------------------------------

    def ordered(self) -> list[ModelDeclaration]:
        """Return the models so that each follows those it uses, else as declared; report cycles."""
        table = {model.name.value: model for model in self.declared.models}
        done: dict[str, ModelDeclaration] = {}
        depths: dict[str, int] = {}
        path: list[str] = []

        def visit(model: ModelDeclaration) -> None:
            path.append(model.name.value)
            if len(path) > _MAX_DEPTH:
                raise self.too_deep(model)
            for field in model.fields:
                for name in ir.names_in(field.type.value) if field.type else ():
                    if name in path:
                        self.cycle(field, path[path.index(name) :])
                    elif name in table and name not in done:
                        visit(table[name])
            used = {name for field in model.fields if field.type for name in ir.names_in(field.type.value)}
            depths[model.name.value] = 1 + max((depths.get(name, 0) for name in used), default=0)
            if depths[model.name.value] > _MAX_DEPTH:
                raise self.too_deep(model)
            path.pop()
            done[model.name.value] = model

        for model in self.declared.models:
            if model.name.value not in done:
                visit(model)
        return list(done.values())

    def too_deep(self, model: ModelDeclaration) -> SchemaErrors:
        message = f"with type {model.name.value}, value types are nested deeper than {_MAX_DEPTH} levels"
        return fatal(model.name.span, "too-large", message, "flatten the types")

    def cycle(self, field: FieldDeclaration, path: list[str]) -> None:
        span = field.type.span if field.type else field.name.span
        chain = " -> ".join([*path, path[0]])
        message = f"types that refer to themselves are not supported by this version: {chain}"
        self.report.error(span, "unsupported", message, "store references as names or numbers")

    def model(self, declaration: ModelDeclaration) -> ir.Model | None:
        name = declaration.name
        self.judge(name, names.type_problem(name.value))
        before = len(self.report.found)
        fields = self.fields(declaration.fields)
        model = ir.Model(name.value, fields, normal_doc(declaration.doc))
        if len(self.report.found) == before:
            try:
                self.live.add(model)
            except (Misfit, KeyError):
                # A model that it uses is wrong, and that was reported.
                return None
        return model

    def fields(self, declarations: Iterable[FieldDeclaration]) -> tuple[ir.Field, ...]:
        return tuple(field for declaration in declarations if (field := self.field(declaration)))

    def field(self, declaration: FieldDeclaration) -> ir.Field | None:
        name, kind = declaration.name, declaration.type
        self.judge(name, names.key_problem(name.value))
        if kind is None:
            return None
        before = len(self.report.found)
        checked = constraints.check(kind.value, declaration.constraints, self.report)
        field = ir.Field(name.value, kind.value, None, checked, normal_doc(declaration.doc))
        if len(self.report.found) > before:
            return field
        try:
            self.live.check(field.type, checked)
        except Misfit as misfit:
            span = declaration.constraints[0][1].span if declaration.constraints else kind.span
            self.report.error(
                span, "bad-constraint", f"the constraints of {name.value} do not work: {misfit}", "change them"
            )
            return field
        except KeyError:
            return field
        return self.with_default(declaration, field)

    def with_default(self, declaration: FieldDeclaration, field: ir.Field) -> ir.Field:
        default = declaration.default
        if default is None:
            return field
        try:
            value = self.live.value(field, default)
        except Misfit as misfit:
            message = f"the default of {field.name} does not fit {describe(field.type)}: {misfit}"
            hint = default.hint or f"write a value of type {describe(field.type)}, or no default"
            self.report.error(default.span, "bad-default", message, hint)
            return field
        return ir.Field(field.name, field.type, value, field.constraints, field.doc)

    # --- sessions --------------------------------------------------------------------------------------------------

    def session(self, declaration: SessionDeclaration) -> ir.Session:
        name = declaration.name
        self.judge(name, names.session_problem(name.value))
        if not declaration.keys:
            hint = "give it a key:  counter: int = 0"
            self.report.error(name.span, "empty-schema", f"session {name.value} has no keys", hint)
        readers: dict[str, Callable[[str, Located[object]], object]] = {
            "version": self.version,
            "idle": self.duration,
            "max": self.duration,
            "scope": self.scope,
            "handle": self.identifier,
            "create_tool": self.identifier,
            "end_tool": self.identifier,
        }
        options: dict[str, object] = {}
        for option, located in declaration.options.items():
            if option in readers:
                options[option] = readers[option](option, located)
            else:
                hint = names.did_you_mean(option, OPTIONS) or f"it has: {', '.join(OPTIONS)}"
                self.report.error(located.span, "unknown-property", f"a session has no option {option!r}", hint)
        self.lifetimes(declaration.options, options)
        return _session(declaration, self.fields(declaration.keys), options)

    def lifetimes(self, written: Mapping[str, Located[object]], options: Mapping[str, object]) -> None:
        idle, longest = options.get("idle"), options.get("max")
        if isinstance(idle, float) and isinstance(longest, float) and idle > longest:
            message = f"idle lifetime {written['idle'].value} is longer than the whole lifetime {written['max'].value}"
            self.report.error(written["idle"].span, "bad-value", message, "make max the longer one")

    def version(self, option: str, located: Located[object]) -> int:
        value = located.value
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 1 << 31:
            return value
        self.report.error(
            located.span, "bad-value", f"{option} should be a whole number from 1, got {safe_repr(value)}", "write 1"
        )
        return 1

    def duration(self, option: str, located: Located[object]) -> float | None:
        value = located.value
        seconds = _seconds(value)
        if seconds is None:
            message = f"{option} should be a duration, got {safe_repr(value)}"
            self.report.error(located.span, "bad-value", message, _DURATION_HINT)
        return seconds

    def scope(self, option: str, located: Located[object]) -> str:
        allowed = get_args(ir.Scope)
        text = located.value if isinstance(located.value, str) else ""
        if text in allowed:
            return text
        hint = names.did_you_mean(text, allowed) or f"write {allowed[0]}"
        message = f"{option} should be one of {', '.join(allowed)}; got {safe_repr(located.value)}"
        self.report.error(located.span, "bad-value", message, hint)
        return "auto"

    def identifier(self, option: str, located: Located[object]) -> str:
        judged = names.handle_problem if option == "handle" else names.tool_problem
        if isinstance(located.value, str):
            self.judge(Located(located.value, located.span), judged(located.value))
            return located.value
        self.report.error(
            located.span, "bad-value", f"{option} should be a name, got {safe_repr(located.value)}", "write a name"
        )
        return ""

    def judge(self, name: Located[str], problem: names.Problem | None) -> None:
        if problem:
            self.report.error(name.span, "bad-name", problem.message, problem.hint)


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
    )


def _seconds(value: object) -> float | None:
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        return None
    total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
    # No duration has more digits than the language lets one write, however it was put together.
    return round(total, 6) if total > 0 else None
