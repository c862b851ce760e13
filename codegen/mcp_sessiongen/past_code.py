"""What a generated module says of older versions of its sessions: their models and keys, and the steps between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.history import Past, Step
from mcp_sessiongen.imports import Imports
from mcp_sessiongen.key_text import KeyText, Surroundings, key_text
from mcp_sessiongen.layout import Expression, Group, Pair, laid_out
from mcp_sessiongen.naming import class_names, schema_constant
from mcp_sessiongen.past_types import PastSession
from mcp_sessiongen.python_text import Code, docstring, dotted, lit, name

_BODY: Final = 4


@dataclass(frozen=True)
class PastState:
    """The model of all that a session held."""

    name: Code
    doc: Code
    fields: tuple[Code, ...]


@dataclass(frozen=True)
class PastVersionCode:
    """An older version of a session.

    Attributes:
        aliases: The definitions of the names that parts of the keys' types have.
        exports: What of it is public.
        keys: The definitions of the keys.
        constant: The definition of the version.
    """

    state: PastState
    aliases: tuple[Code, ...]
    exports: tuple[str, ...]
    keys: tuple[Code, ...]
    constant: Code


@dataclass(frozen=True)
class LoadCode:
    """A function that imports a migration."""

    head: Code
    statement: Code
    result: Code


@dataclass(frozen=True)
class PastCode:
    """All that came before the present version of a session.

    Attributes:
        present: The other name of the present state, for those who migrate to it; "" if nobody does.
        steps: The arguments of the schema that say what came before.
    """

    present: str
    versions: tuple[PastVersionCode, ...]
    loads: tuple[LoadCode, ...]
    steps: Mapping[str, Expression]


NO_PAST: Final = PastCode("", (), (), {})


def past_code(
    session: ir.Session, past: Past, were: Sequence[PastSession], around: Surroundings, imports: Imports
) -> PastCode:
    """Return what the module says of a session's past.

    Args:
        session: The session as it is.
        past: What came before.
        were: The older versions that functions take or return.
        around: What the texts of keys depend on.
        imports: Takes what has to be imported.
    """
    versions = tuple(_version(was, around, imports) for was in were)
    calls = [step.call for step in past.steps if step.call]
    present = state_name(session.name, session.version) if any(call.to == session.version for call in calls) else ""
    if calls:
        imports.use("collections.abc", "Callable")
    steps: dict[str, Expression] = {}
    if past.since < session.version:
        steps["since"] = lit(past.since)
    if past.reads < session.version:
        steps["reads"] = lit(past.reads)
    if past.steps:
        imports.use("mcp_sessions", "Migration")
        steps["migrations"] = Group(Code(""), tuple(_step(session, step) for step in past.steps), is_tuple=True)
    return PastCode(present, versions, tuple(_load(session, call) for call in calls), steps)


def state_name(session: str, version: int) -> str:
    """Return what the state of a version is called."""
    return class_names(f"{session}_v{version}")[1]


def _version(was: PastSession, around: Surroundings, imports: Imports) -> PastVersionCode:
    session = was.session
    imports.use("mcp_sessions", "PastVersion", "ValueModel")
    keys = [key_text(session, key, around, several=True) for key in session.keys]
    for module, item, alias in {use for key in keys for use in _imports_of(key)}:
        imports.use_as(module, item, alias)
    state = state_name(was.of, was.version)
    doc = docstring(f"All that a ``{was.of}`` session of version {was.version} held.", indent=_BODY)
    constants = Group(Code(""), tuple(key.constant for key in keys), is_tuple=True)
    arguments = (lit(was.version), name(state), constants)
    made = Group(Code("PastVersion"), arguments, labels=("version=", "state=", "keys="))
    return PastVersionCode(
        state=PastState(name(state), doc, tuple(key.state_line for key in keys)),
        aliases=tuple(key.alias_lines for key in keys if key.alias_lines),
        exports=(state, *(alias for key in keys for alias in key.aliases)),
        keys=tuple(key.constant_line for key in keys),
        constant=laid_out(f"{_constant(was.of, was.version)}: Final = ", made),
    )


def _imports_of(key: KeyText) -> Sequence[tuple[str, str, str]]:
    """Return what the field and the constant of a key need; an older version has no methods."""
    text = f"{key.alias_lines} {key.state_line} {key.constant_line}"
    return [use for use in key.imports if use[2] in text]


def _constant(session: str, version: int) -> Code:
    return name(schema_constant(f"{session}_v{version}", several=True))


def _load(session: ir.Session, call: ir.Migration) -> LoadCode:
    outer, _, _ = call.qualname.partition(".")
    types = tuple(name(state_name(session.name, version)) for version in (call.to - 1, call.to))
    function = Group(Code("Callable"), (Group(Code(""), types[:1], "[]"), types[1]), "[]")
    return LoadCode(
        head=laid_out(f"def {_load_name(session, call.to)}() -> ", function, ":"),
        statement=laid_out(f"from {dotted(call.module)} import ", name(outer), indent=_BODY),
        result=dotted(call.qualname),
    )


def _load_name(session: ir.Session, to: int) -> Code:
    return name(f"_{session.name}_v{to}")


def _step(session: ir.Session, step: Step) -> Group:
    arguments: dict[str, Expression] = {"to": lit(step.to)}
    if step.call:
        arguments["load"] = _load_name(session, step.to)
        arguments["name"] = lit(f"{step.call.module}:{step.call.qualname}")
        arguments["before"] = _constant(session.name, step.to - 1)
        if step.to < session.version:
            arguments["after"] = _constant(session.name, step.to)
    elif step.renamed:
        pairs = tuple(Pair(lit(old), lit(new)) for old, new in step.renamed)
        arguments["renamed"] = Group(Code(""), pairs, "{}")
    if step.dropped:
        arguments["dropped"] = Group(Code(""), tuple(map(lit, step.dropped)), is_tuple=True)
    return Group(Code("Migration"), tuple(arguments.values()), labels=tuple(f"{key}=" for key in arguments))
