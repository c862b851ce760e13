"""Which names a generated module will have, and the reports when two things would get the same one.

Checked on the declarations, where the positions are. Nothing is ever renamed silently.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mcp_sessiongen import ir
from mcp_sessiongen.declarations import Declarations, Located, SessionDeclaration
from mcp_sessiongen.diagnostics import Report, Span
from mcp_sessiongen.naming import RESERVED, aliases_of, class_names, constant_name, prefix_of, schema_constant


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
    _twins("type", declared.type_names, report)
    for model in declared.models:
        _twins("key", (item.name for item in model.fields), report)
    for session in declared.sessions:
        if session.model is None:
            _twins("key", (key.name for key in session.keys), report)
    sessions = _named_once(declared.sessions, report)
    _module_names(declared, sessions, report)
    _tool_names(sessions, report)


def _named_once(sessions: Iterable[SessionDeclaration], report: Report) -> list[SessionDeclaration]:
    """Return the first session of each name; nothing else is said of another one than that it has the name too."""
    found: dict[str, SessionDeclaration] = {}
    for session in sessions:
        first = found.setdefault(session.name.value, session)
        if first is not session:
            message = f"two sessions are called {session.name.value!r}"
            related = ((first.name.span, "the other one"),)
            report.error(session.name.span, "name-clash", message, "rename one of them", related)
    return list(found.values())


def _twins(what: str, located: Iterable[Located[str]], report: Report) -> None:
    names = _Names(report)
    for name in located:
        names.take(name.value, f"{what} {name.value!r}", name.span, "rename one: they differ too little", fold=True)


def _module_names(declared: Declarations, sessions: Sequence[SessionDeclaration], report: Report) -> None:
    names = _Names(report)
    hint = "rename one of them"
    for kind in declared.type_names:
        _reserved(kind.value, f"type {kind.value!r}", kind.span, report)
        names.take(kind.value, f"type {kind.value!r}", kind.span, hint)
    several = len(sessions) > 1
    for session in sessions:
        name = session.name
        aliases: set[str] = set()
        for generated in class_names(name.value):
            what = f"{generated!r} (made for session {name.value!r})"
            _reserved(generated, what, name.span, report)
            names.take(generated, what, name.span, hint)
        names.take(schema_constant(name.value, several=several), f"session {name.value!r}", name.span, hint)
        for key in session.keys:
            spelt = key.type.value if key.type else ir.NONE
            for alias in aliases_of(prefix_of(name.value), key.name.value, spelt).values():
                what = f"{alias!r} (made for the type of key {key.name.value!r})"
                _reserved(alias, what, key.name.span, report)
                names.take(alias, what, key.name.span, hint)
                aliases.add(alias)
            if session.model and not key.name.value.islower():  # as a field it would hide a type from the next one
                _reserved(key.name.value, f"key {key.name.value!r}", key.name.span, report)
            constant = constant_name(name.value, key.name.value, several=several)
            names.take(constant, f"key {key.name.value!r} of session {name.value!r}", key.name.span, hint)
        _hidden_aliases(session, aliases, report)


def _hidden_aliases(session: SessionDeclaration, aliases: set[str], report: Report) -> None:
    """Report fields of the user's own model that would hide a type from the fields after it."""
    for key in session.keys:
        if key.name.value in aliases:
            message = f"key {key.name.value!r} is what the type of another key would be called"
            report.error(key.name.span, "name-clash", message, "rename one of them")


def _reserved(name: str, what: str, span: Span, report: Report) -> None:
    if name in RESERVED:
        message = f"{what} clashes with a name that generated modules import: {name!r}"
        report.error(span, "name-clash", message, "choose another name")


def _tool_names(sessions: Iterable[SessionDeclaration], report: Report) -> None:
    names = _Names(report)
    for session in sessions:
        argument = _text(session, "handle") or session.name.value
        defaults = {"create_tool": f"create_{argument}", "end_tool": f"end_{argument}", "list_tool": ""}
        for option, default in defaults.items():
            tool = _text(session, option) or default
            if not tool:
                continue
            located = session.options.get(option)
            span = located.span if located else session.name.span
            names.take(tool, f"the {option[:-5]} tool of session {session.name.value!r}", span, "name one differently")


def _text(session: SessionDeclaration, option: str) -> str:
    located = session.options.get(option)
    return located.value if located and isinstance(located.value, str) else ""
