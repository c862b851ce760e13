"""From the IR to the text of a module. Pure.

The template places text; everything in it was made, and vetted as `Code`, in Python. The text is laid out as
`ruff format` would, so no formatter runs, or is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.accessors import field_line, seconds_lit
from mcp_sessiongen.by_name import ByName, get_by_name, set_by_name
from mcp_sessiongen.history import Past
from mcp_sessiongen.imports import Imports, import_order, local_names
from mcp_sessiongen.ir_dump import digests
from mcp_sessiongen.key_text import KeyText, key_text, surroundings
from mcp_sessiongen.layout import Expression, Group, flat, laid_out
from mcp_sessiongen.naming import class_names, schema_constant
from mcp_sessiongen.output import HEADER
from mcp_sessiongen.past_code import NO_PAST, PastCode, past_code
from mcp_sessiongen.past_types import with_pasts
from mcp_sessiongen.python_text import Code, clean, comment, docstring, lit, name
from mcp_sessiongen.spelling import Speller
from mcp_sessiongen.template import template

INTERFACE: Final = 1
"""The version of the runtime interface that generated code needs."""

_SILENCE: Final = Code(
    "# ruff: noqa: PGH004\n"  # the rule against lines such as the next one
    "# ruff: noqa\n"
    "# flake8: noqa\n"
    "# isort: skip_file\n"
    "# fmt: off"
)
"""What keeps linters and formatters away whose settings are not ours: a user cannot mend what they find."""

PACKAGE: Final = (
    f"{HEADER}: delete these lines to make the file yours.\n"
    f"{_SILENCE}\n"
    '"""Typed access to sessions, compiled from their schemas: a module for each."""\n'
)
"""The `__init__.py` of an output folder."""


@dataclass(frozen=True)
class _ModelCode:
    name: Code
    doc: Code
    fields: tuple[Code, ...]


@dataclass(frozen=True)
class _MemberCode:
    line: Code
    doc: Code | None


@dataclass(frozen=True)
class _EnumCode:
    name: Code
    base: Code
    doc: Code
    members: tuple[_MemberCode, ...]


@dataclass(frozen=True)
class _SessionCode:
    keys: tuple[Code, ...]
    schema: Code
    head: Code
    doc: Code
    methods: tuple[Code, ...]
    by_name: tuple[ByName, ...]
    past: PastCode
    present: Code | None


def render(module: ir.Module, source: str, pasts: Mapping[str, Past] | None = None) -> str:
    """Return the text of a generated module.

    Args:
        module: What to generate.
        source: How the source is called on a command line in the output folder; only for the header.
        pasts: What came before the present versions of the sessions, by name.
    """
    return _Renderer(module, pasts or {}).render(comment(source))


class _Renderer:
    def __init__(self, module: ir.Module, pasts: Mapping[str, Past]) -> None:
        self.pasts = pasts
        self.module, self.were = with_pasts(module, pasts) if pasts else (module, [])
        sessions = (*module.sessions, *(was.session for was in self.were))
        whole = replace(self.module, sessions=sessions) if self.were else module
        local = local_names(whole)
        self.around = surroundings(whole, local)
        self.speller = Speller(self.around.renamed, Imports(local), self.around.models)
        self.several = len(module.sessions) > 1
        self.digest, self.digests = digests(module)

    def render(self, source: Code) -> str:
        imports = self.speller.imports
        imports.use("mcp_sessions", "Session", "SessionSchema", "require_interface")
        imports.use("typing", "Final", "Literal", "TypeAlias")
        sessions = [(session, self.keys(session)) for session in self.module.sessions]
        pasts = [self.past(session) for session in self.module.sessions]
        aliases = [line for session, keys in sessions for line in self.aliases(session, keys)]
        aliases += [line for past in pasts for version in past.versions for line in version.aliases]
        enums = [self.enum(enum) for enum in self.module.enums]
        models = self.models()
        states = [self.state(session, keys) for session, keys in sessions if not _is_state(session)]
        rendered = [self.session(*pair, past) for pair, past in zip(sessions, pasts, strict=True)]
        return template("module.py.jinja").render(
            source=source,
            interface=INTERFACE,
            digest=Code(self.digest),
            silence=_SILENCE,
            doc=docstring(self.summary()),
            imports=imports.lines(),
            exports=self.exports([keys for _, keys in sessions], pasts),
            enums=enums,
            models=models,
            aliases=aliases,
            states=states,
            sessions=rendered,
        )

    def summary(self) -> str:
        names = [f"``{session.name}``" for session in self.module.sessions]
        if len(names) == 1:
            return f"Typed access to {names[0]} sessions."
        listed = f"Typed access to {', '.join(names[:-1])} and {names[-1]} sessions."
        return listed if len(listed) <= 80 else "Typed access to sessions."

    def keys(self, session: ir.Session) -> list[KeyText]:
        keys = [key_text(session, key, self.around, several=self.several) for key in session.keys]
        for module, item, alias in {use for key in keys for use in key.imports}:
            self.speller.imports.use_as(module, item, alias)
        return keys

    def past(self, session: ir.Session) -> PastCode:
        past = self.pasts.get(session.name)
        if past is None:
            return NO_PAST
        were = [was for was in self.were if was.of == session.name]
        return past_code(session, past, were, self.around, self.speller.imports)

    def exports(self, keys: list[list[KeyText]], pasts: list[PastCode]) -> Code:
        public = set(self.module.type_names)
        for session in self.module.sessions:
            alias, state, accessor = class_names(session.name)
            public.update((alias, accessor) if _is_state(session) else (alias, state, accessor))
        public.update(alias for of_session in keys for key in of_session for alias in key.aliases)
        public.update(item for past in pasts for version in past.versions for item in version.exports)
        public.update(past.present for past in pasts if past.present)
        listed = tuple(lit(item) for item in sorted(public, key=import_order))
        return laid_out("__all__ = ", Group(Code(""), listed, "[]"))

    def aliases(self, session: ir.Session, keys: list[KeyText]) -> list[Code]:
        names = Group(Code("Literal"), tuple(lit(key.name) for key in keys), "[]")
        first = laid_out(f"{name(class_names(session.name)[0])}: TypeAlias = ", names)
        return [first, *(key.alias_lines for key in keys if key.alias_lines)]

    def enum(self, enum: ir.Enumeration) -> _EnumCode:
        is_text = all(isinstance(member.value, str) for member in enum.members)
        base = "ValueEnum" if is_text else "ValueIntEnum"
        self.speller.imports.use("mcp_sessions", base)
        members = tuple(
            _MemberCode(
                laid_out(f"{name(member.name)} = ", lit(member.value), indent=4),
                _member_doc(member.doc) if clean(member.doc) else None,
            )
            for member in enum.members
        )
        return _EnumCode(name(enum.name), name(base), _class_doc(enum.doc, f"One ``{enum.name}``."), members)

    def models(self) -> list[_ModelCode]:
        self.speller.later.update(model.name for model in self.module.models)
        made = []
        for model in self.module.models:
            made.append(self.model(model))
            self.speller.later.discard(model.name)
        return made

    def model(self, model: ir.Model) -> _ModelCode:
        self.speller.imports.use("mcp_sessions", "ValueModel")
        lines = [
            field_line(
                item.name,
                self.speller.constrained(item.constraints, self.speller.type(item.type)),
                None if item.default is None else self.speller.default(item.default, item.type),
            )
            for item in model.fields
        ]
        return _ModelCode(name(model.name), _class_doc(model.doc, f"One ``{model.name}``."), tuple(lines))

    def state(self, session: ir.Session, keys: list[KeyText]) -> _ModelCode:
        self.speller.imports.use("mcp_sessions", "ValueModel")
        doc = docstring(f"All that one ``{session.name}`` session holds.", indent=4)
        return _ModelCode(name(class_names(session.name)[1]), doc, tuple(key.state_line for key in keys))

    def session(self, session: ir.Session, keys: list[KeyText], past: PastCode) -> _SessionCode:
        alias, state, accessor = (name(generated) for generated in class_names(session.name))
        if session.model and _is_state(session):
            state = flat(self.speller.type(session.model))
        constant = name(schema_constant(session.name, several=self.several))
        imports = self.speller.imports
        base = Group(Code("Session"), (state, alias), "[]")
        head = laid_out("class ", Group(accessor, (base, constant), labels=("", "schema=")), ":")
        return _SessionCode(
            keys=tuple(key.constant_line for key in keys),
            schema=laid_out(f"{constant}: Final = ", self.schema(session, state, keys, past), split=True),
            head=head,
            doc=_class_doc(session.doc, f"One ``{session.name}`` session."),
            methods=tuple(key.methods for key in keys),
            by_name=(get_by_name(alias, keys, imports), set_by_name(alias, keys, imports)),
            past=past,
            present=laid_out(f"{past.present}: TypeAlias = ", state) if past.present else None,
        )

    def schema(self, session: ir.Session, state: Code, keys: list[KeyText], past: PastCode) -> Group:
        constants = tuple(key.constant for key in keys)
        listed = Group(Code(""), constants, is_tuple=True)
        arguments: dict[str, Expression] = {
            "name": lit(session.name),
            "version": lit(session.version),
            "digest": lit(self.digests[session.name]),
            "state": state,
            "keys": listed,
        }
        for option in ("idle", "max"):
            seconds = getattr(session, option)
            if seconds is not None:
                arguments[option] = seconds_lit(seconds)
        for option in ("handle", "create_tool", "end_tool", "list_tool"):
            if getattr(session, option):
                arguments[option] = lit(getattr(session, option))
        if session.scope != "auto":
            arguments["scope"] = lit(session.scope)
        arguments |= past.steps
        return Group(Code("SessionSchema"), tuple(arguments.values()), labels=tuple(f"{key}=" for key in arguments))


def _is_state(session: ir.Session) -> bool:
    """Tell whether the user's own model is what a snapshot is: it needs nothing that may be unset."""
    return session.model is not None and all(key.default is not None for key in session.keys)


def _member_doc(doc: str) -> Code:
    summary, _, details = clean(doc).partition("\n")
    return docstring(summary, details, indent=4)


def _class_doc(doc: str, otherwise: str) -> Code:
    """Return the docstring of a class: the schema's own sentence, else ours and then the schema's text."""
    own = clean(doc)
    if not own:
        return docstring(otherwise, indent=4)
    is_summary = "\n" not in own and len(own) <= 76 and own[:1].isupper() and own[-1:] not in "!?:;,"
    if is_summary and not own.startswith("This ") and '"' not in own and "\\" not in own:
        return docstring(own if own.endswith(".") else f"{own}.", indent=4)
    return docstring(otherwise, own, indent=4)
