"""Which names a generated module will have, and the reports when two things would get the same one.

Checked on the declarations, where the positions are. Nothing is ever renamed silently.
"""

import builtins
from collections.abc import Iterable
from dataclasses import dataclass, field

from mcp_sessiongen import ir
from mcp_sessiongen.declarations import Declarations, Located, SessionDeclaration
from mcp_sessiongen.diagnostics import Report, Span
from mcp_sessiongen.naming import RESERVED, VERBS, aliases_of, class_names, constant_name, prefix_of, schema_constant


@dataclass
class _Names:
    """The names taken in one scope, and by what."""

    report: Report
    taken: dict[str, tuple[str, Span]] = field(default_factory=dict)

    def take(self, name: str, what: str, span: Span, hint: str, *, fold: bool = False) -> None:
        key = name.lower().replace("_", "") if fold else name
        if key not in self.taken:
            self.taken[key] = (what, span)
            return
        other, first = self.taken[key]
        message = f"{what} clashes with {other}" + ("" if fold else f"; both would be called {name!r}")
        self.report.error(span, "name-clash", message, hint, ((first, "the other one"),))


def report_clashes(declared: Declarations, report: Report) -> None:
    """Report every pair of things that would share a name."""
    _twins("type", (model.name for model in declared.models), report)
    for model in declared.models:
        _twins("key", (item.name for item in model.fields), report)
    for session in declared.sessions:
        _twins("key", (key.name for key in session.keys), report)
    _module_names(declared, report)
    _tool_names(declared.sessions, report)


def _twins(what: str, located: Iterable[Located[str]], report: Report) -> None:
    names = _Names(report)
    for name in located:
        names.take(name.value, f"{what} {name.value!r}", name.span, "rename one: they differ too little", fold=True)


def _module_names(declared: Declarations, report: Report) -> None:
    names = _Names(report)
    hint = "rename one of them"
    for model in declared.models:
        _reserved(model.name.value, f"type {model.name.value!r}", model.name.span, report)
        names.take(model.name.value, f"type {model.name.value!r}", model.name.span, hint)
    several = len(declared.sessions) > 1
    for session in declared.sessions:
        name = session.name
        for generated in class_names(name.value):
            what = f"{generated!r} (made for session {name.value!r})"
            _reserved(generated, what, name.span, report)
            names.take(generated, what, name.span, hint)
        names.take(schema_constant(name.value, several=several), f"session {name.value!r}", name.span, hint)
        for key in session.keys:
            kind = key.type.value if key.type else ir.NONE
            for alias in aliases_of(prefix_of(name.value), key.name.value, kind).values():
                what = f"{alias!r} (made for the type of key {key.name.value!r})"
                _reserved(alias, what, key.name.span, report)
                names.take(alias, what, key.name.span, hint)
            constant = constant_name(name.value, key.name.value, several=several)
            names.take(constant, f"key {key.name.value!r} of session {name.value!r}", key.name.span, hint)
    _imported_names(declared, names, report)


def _imported_names(declared: Declarations, names: _Names, report: Report) -> None:
    seen: dict[str, str] = {}
    members = _members(declared)
    in_models = [item for model in declared.models for item in model.fields]
    in_sessions = [key for session in declared.sessions for key in session.keys]
    for item in in_models + in_sessions:
        for kind in _imported_in(item.type.value) if item.type else ():
            name = kind.qualname.split(".")[0]
            what = f"the imported type {kind.module}.{name}"
            if seen.setdefault(name, kind.module) != kind.module or name in names.taken:
                message = f"{what} clashes with another {name!r}"
                report.error(item.name.span, "name-clash", message, "rename one of the classes")
            elif name in members or name in vars(builtins):
                what_else = members.get(name, f"the builtin {name}")
                message = f"{what} clashes with {what_else}, which hides it or would be hidden"
                report.error(item.name.span, "name-clash", message, "rename the class; classes are in CapWords")
            else:
                _reserved(name, what, item.name.span, report)


def _members(declared: Declarations) -> dict[str, str]:
    """Return the names inside of generated classes, where they hide those of the module, and what each is."""
    keys = [key.name.value for session in declared.sessions for key in session.keys]
    fields = [item.name.value for model in declared.models for item in model.fields]
    methods = {f"{verb}_{key}": f"the method {verb}_{key}" for key in keys for verb in VERBS}
    return {**dict.fromkeys(("get", "set"), "a method"), **methods, **{item: f"key {item!r}" for item in keys + fields}}


def _reserved(name: str, what: str, span: Span, report: Report) -> None:
    if name in RESERVED:
        message = f"{what} clashes with a name that generated modules import: {name!r}"
        report.error(span, "name-clash", message, "choose another name")


def _tool_names(sessions: tuple[SessionDeclaration, ...], report: Report) -> None:
    names = _Names(report)
    for session in sessions:
        argument = _text(session, "handle") or session.name.value
        for option, default in (("create_tool", f"create_{argument}"), ("end_tool", f"end_{argument}")):
            tool = _text(session, option) or default
            located = session.options.get(option)
            span = located.span if located else session.name.span
            names.take(tool, f"the {option[:-5]} tool of session {session.name.value!r}", span, "name one differently")


def _text(session: SessionDeclaration, option: str) -> str:
    located = session.options.get(option)
    return located.value if located and isinstance(located.value, str) else ""


def _imported_in(kind: ir.Type) -> tuple[ir.Imported, ...]:
    if isinstance(kind, ir.Imported):
        return (kind,)
    return tuple(found for part in ir.parts(kind) for found in _imported_in(part))
