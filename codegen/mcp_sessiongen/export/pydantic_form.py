"""A schema as a Python module with `SessionModel` classes that mean the same."""

from collections.abc import Collection
from inspect import cleandoc
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.accessors import field_line
from mcp_sessiongen.export.docstrings import docstring
from mcp_sessiongen.export.durations import duration_text
from mcp_sessiongen.export.inexpressible import Inexpressible
from mcp_sessiongen.imports import Imports, local_names
from mcp_sessiongen.layout import Expression, Group, Pair, laid_out
from mcp_sessiongen.names import cap_words, snake_case
from mcp_sessiongen.naming import RESERVED
from mcp_sessiongen.python_text import Code, lit, name
from mcp_sessiongen.spelling import Speller

_BASES: Final = frozenset({"SessionModel", "ValueEnum", "ValueIntEnum", "ValueModel"})
_MEMBER: Final = 4


def export_pydantic(module: ir.Module) -> str:
    """Return the text of a module, laid out as `ruff format` would.

    Raises:
        Inexpressible: If Python has no way to say it.
    """
    return _Writer(module).text()


class _Writer:
    def __init__(self, module: ir.Module) -> None:
        self.module = module
        fields = [item for model in module.models for item in model.fields]
        keys = [key for session in module.sessions for key in session.keys]
        local = {home: f"{called}Class" if called in _BASES else called for home, called in local_names(module).items()}
        self.imports = Imports(local)
        models = {model.name: model for model in module.models}
        self.speller = Speller({item.name for item in fields + keys}, self.imports, models)
        self.speller.later.update(model.name for model in module.models)

    def text(self) -> str:
        classes = [self.enum(enum) for enum in self.module.enums]
        classes += [self.model(model) for model in self.module.models]
        taken = {*self.module.type_names, *self.imports.local.values(), *RESERVED, *_BASES}
        for session in self.module.sessions:
            called = _class_name(session.name, taken)
            taken.add(called)
            classes.append(self.session(session, called))
        parts = ['"""Session schemas."""', self.imports.lines()]
        return "\n\n".join(parts) + "\n\n\n" + "\n\n\n".join(classes) + "\n"

    # --- classes ---------------------------------------------------------------------------------------------------

    def enum(self, enum: ir.Enumeration) -> str:
        base = "ValueEnum" if isinstance(enum.members[0].value, str) else "ValueIntEnum"
        self.imports.use("mcp_sessions", base)
        lines: list[str] = []
        for member in enum.members:
            lines.append(f"{name(member.name)} = {lit(member.value)}")
            lines += [docstring(member.doc, _MEMBER)] if member.doc else []
        return _class(Code(f"class {name(enum.name)}({base}):"), enum.doc, lines)

    def model(self, model: ir.Model) -> str:
        self.imports.use("mcp_sessions", "ValueModel")
        lines = [self.field(item) for item in model.fields]
        self.speller.later.discard(model.name)
        return _class(Code(f"class {name(model.name)}(ValueModel):"), model.doc, lines)

    def session(self, session: ir.Session, called: str) -> str:
        if session.model is not None:
            owner = f"{session.model.module}:{session.model.qualname}"
            message = f"session {session.name} is bound to {owner}, which is Python already"
            raise Inexpressible(message, "use that class")
        self.imports.use("mcp_sessions", "SessionModel")
        options = self.session_options(session, called)
        arguments = (Code("SessionModel"), *options.values())
        head = laid_out("class ", Group(name(called), arguments, labels=("", *(f"{key}=" for key in options))), ":")
        return _class(head, session.doc, [self.field(key) for key in session.keys])

    def session_options(self, session: ir.Session, called: str) -> dict[str, Expression]:
        options: dict[str, Expression] = {}
        if snake_case(called) != session.name:
            options["name"] = lit(session.name)
        if session.version != 1:
            options["version"] = lit(session.version)
        for option, seconds in (("idle", session.idle), ("max", session.max)):
            if seconds is not None:
                options[option] = lit(duration_text(seconds))
        if session.scope != "auto":
            options["scope"] = lit(session.scope)
        for option in ("handle", "create_tool", "end_tool", "list_tool"):
            if getattr(session, option):
                options[option] = lit(getattr(session, option))
        if session.reserved:
            names = tuple(map(lit, session.reserved))
            options["reserved"] = Group(Code(""), names) if len(names) > 1 else Code(f"({names[0]},)")
        if session.migrations:
            pairs = tuple(Pair(lit(one.to), _migration(one)) for one in session.migrations)
            options["migrations"] = Group(Code(""), pairs, "{}")
        return options

    # --- fields ----------------------------------------------------------------------------------------------------

    def field(self, item: ir.Field) -> str:
        annotation = self.annotated(item)
        if item.default is None:
            return field_line(item.name, annotation, None)
        self.require_defined(item, item.default)
        return field_line(item.name, annotation, self.speller.default(item.default, item.type))

    def annotated(self, item: ir.Field) -> Expression:
        """Return a field's type with all that is said about it."""
        kind = self.speller.type(item.type)
        described = {constraint: self.speller.value(value) for constraint, value in item.constraints}
        if item.doc:
            # Pydantic cleans descriptions as docstrings are cleaned, where the first line has no indentation.
            described["description"] = lit(item.doc if cleandoc(item.doc) == item.doc else f"\n{item.doc}")
        options: dict[str, Expression] = {}
        if item.ttl is not None:
            options["ttl"] = lit(duration_text(item.ttl))
        for option in ("create", "renamed_from", "deprecated", "secret"):
            if getattr(item, option):
                options[option] = lit(getattr(item, option))
        parts = [kind]
        for module, callee, arguments in (("pydantic", "Field", described), ("mcp_sessions", "Key", options)):
            if arguments:
                self.imports.use(module, callee)
                labels = tuple(f"{argument}=" for argument in arguments)
                parts.append(Group(Code(callee), tuple(arguments.values()), labels=labels))
        if len(parts) == 1:
            return kind
        self.imports.use("typing", "Annotated")
        return Group(Code("Annotated"), tuple(parts), "[]")

    def require_defined(self, item: ir.Field, value: ir.Value) -> None:
        """Refuse a default made of a class that is defined further down: Python would not know it yet."""
        missing = sorted(self.speller.later.intersection(_classes_in(value)))
        if missing:
            message = f"the default of {item.name} is made of {missing[0]}, whose class uses this one"
            raise Inexpressible(message, "give the key no default, or None")


def _migration(one: ir.Migration) -> Expression:
    call = lit(f"{one.module}:{one.qualname}")
    said = (Pair(lit("call"), call), Pair(lit("compatible"), lit(one.compatible)))
    return Group(Code(""), said, "{}") if one.compatible else call


def _classes_in(value: ir.Value) -> Collection[str]:
    match value:
        case ir.Instance(name=called, fields=fields):
            return [called, *(inner for _, item in fields for inner in _classes_in(item))]
        case ir.Items(items=items):
            return [inner for item in items for inner in _classes_in(item)]
        case ir.Entries(entries=entries):
            return [inner for pair in entries for item in pair for inner in _classes_in(item)]
        case _:
            return []


def _class(head: Code, doc: str, lines: list[str]) -> str:
    documented = [docstring(doc, _MEMBER)] if doc else []
    between = [""] if doc and lines else []
    written = [*documented, *between, *lines] or ["pass"]
    return "\n".join([head, *(" " * _MEMBER + line if line else "" for line in written)])


def _class_name(session: str, taken: Collection[str]) -> str:
    base = cap_words(session)
    candidates = [base, f"{base}Session", f"{base}Schema", *(f"{base}Schema{number}" for number in range(2, 100))]
    return next(candidate for candidate in candidates if candidate not in taken)
