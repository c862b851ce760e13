"""The texts of keys, made only once for all keys that are alike but for their names and documentation.

So the text is made for stand-ins, names of the same length in letters that no schema's names have, and the names are
put in afterwards, and then the documentation. A thousand schemas have few kinds of keys, but they have many keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, NamedTuple

from mcp_sessiongen import ir
from mcp_sessiongen.accessors import BODY
from mcp_sessiongen.imports import Home, Imports
from mcp_sessiongen.key_code import KeyCode, KeyNames
from mcp_sessiongen.naming import RENAMED_IMPORTS, aliases_of, constant_name, prefix_of
from mcp_sessiongen.python_text import Code, name, plain_details
from mcp_sessiongen.spelling import Speller
from mcp_sessiongen.template import template

_STAND_INS: Final = "ÞÐþð"
"""Letters for the name of a key, for that of its constant, and for those of up to two parts of its type."""

_DOC: Final = "ø"
"""Stands in for the documentation of a key in the docstring of its getter."""

_BETWEEN: Final = "\x00"


@dataclass(frozen=True)
class Surroundings:
    """What the text of a key depends on besides the key itself.

    Attributes:
        renamed: The standard types that are imported under another name.
        local: What the user's classes are called.
        models: The models of the module, by name; only for keys whose default is made of them.
    """

    renamed: frozenset[str]
    local: tuple[tuple[Home, str], ...]
    models: Mapping[str, ir.Model] = field(compare=False)


class KeyText(NamedTuple):
    """A key in Python.

    Attributes:
        name: The key.
        constant: The name of its constant.
        alias_lines: The definitions of the names that parts of its type have; "" for none.
        state_line: Its field in the state model.
        constant_line: The definition of the constant.
        methods: All its methods.
        stored: The type that is stored (`T`).
        read: The type that reading gives (`D`): that of the default, or None.
        decorators: What stands before each of the methods.
        aliases: The names that parts of its type have.
        imports: What all that needs, by module: the name there and the name here.
    """

    name: str
    constant: Code
    alias_lines: Code
    state_line: Code
    constant_line: Code
    methods: Code
    stored: Code
    read: Code
    decorators: tuple[Code, ...]
    aliases: tuple[str, ...]
    imports: tuple[tuple[str, str, str], ...]


def key_text(session: ir.Session, key: ir.Field, around: Surroundings, *, several: bool) -> KeyText:
    """Return the text of a key.

    Args:
        session: Its session.
        key: The key.
        around: What else decides about its text.
        several: Whether the module has other sessions.
    """
    constant = name(constant_name(session.name, key.name, several=several))
    aliases = {part: name(alias) for part, alias in aliases_of(prefix_of(session.name), key.name, key.type).items()}
    names = (name(key.name), constant, *aliases.values())
    made = None
    # The create tool has the documentation too, laid out in another way.
    doc = plain_details(key.doc, indent=BODY) if key.doc and not key.create else None
    if len(names) <= len(_STAND_INS) and not _has_models(key.default):
        lengths = tuple(map(len, names))
        nameless = _without_name(key, _DOC if doc else key.doc)
        made = _shape(nameless, tuple(aliases), lengths, session.model, around)
    if made is None:
        made = _make(key, KeyNames(names[0], constant, aliases), session.model, around)
        return _key_text(names, made, made.text)
    text = made.text
    for letter, meant in zip(_STAND_INS, names, strict=False):
        text = text.replace(letter * len(meant), meant)
    if doc:  # last: it may have any letters in it
        text = text.replace(_DOC, doc)
    return _key_text(names, made, text)


def _has_models(value: ir.Value | None) -> bool:
    match value:
        case ir.Instance():
            return True
        case ir.Items(items=items):
            return any(map(_has_models, items))
        case ir.Entries(entries=entries):
            return any(_has_models(item) for _, item in entries)
        case _:
            return False


def _without_name(key: ir.Field, doc: str) -> ir.Field:
    """Return what the text of a key depends on; quicker than `replace`."""
    kind, default, constraints = key.type, key.default, key.constraints
    return ir.Field("", kind, default, constraints, doc, key.ttl, key.create, "", key.deprecated, key.secret)


class _Made(NamedTuple):
    """The text of a key in one piece."""

    text: str
    decorators: tuple[Code, ...]
    imports: tuple[tuple[str, str, str], ...]


@lru_cache(maxsize=2000)
def _shape(
    key: ir.Field,
    parts: tuple[ir.Type, ...],
    lengths: tuple[int, ...],
    model: ir.Imported | None,
    around: Surroundings,
) -> _Made | None:
    """Return the text of a key with stand-ins; None if texts of its own could be taken for one."""
    own = (replace(key, doc="") if key.doc == _DOC else key, model, around)
    if set(_STAND_INS + _DOC) & set(repr(own)):
        return None
    stand_ins = [Code(letter * length) for letter, length in zip(_STAND_INS, lengths, strict=False)]
    names = KeyNames(stand_ins[0], stand_ins[1], dict(zip(parts, stand_ins[2:], strict=True)))
    return _make(replace(key, name=stand_ins[0]), names, model, around)


def _make(key: ir.Field, names: KeyNames, model: ir.Imported | None, around: Surroundings) -> _Made:
    speller = Speller(around.renamed, Imports(dict(around.local)), around.models)
    code = KeyCode(key, names, model, speller)
    pieces = (
        "\n".join(code.alias_lines()),
        code.state_line(),
        code.constant_line(),
        template("methods.py.jinja").render(methods=code.methods()).rstrip(),
        code.stored,
        code.read,
    )
    imports = speller.imports.found.items()
    return _Made(
        _BETWEEN.join(pieces),
        code.decorators(),
        tuple((module, item, alias) for module, items in imports for item, alias in items.items()),
    )


def _key_text(names: tuple[Code, ...], made: _Made, text: str) -> KeyText:
    alias_lines, state_line, constant_line, methods, stored, read = map(Code, text.split(_BETWEEN))
    return KeyText(
        name=names[0],
        constant=names[1],
        alias_lines=alias_lines,
        state_line=state_line,
        constant_line=constant_line,
        methods=methods,
        stored=stored,
        read=read,
        decorators=made.decorators,
        aliases=names[2:],
        imports=made.imports,
    )


def surroundings(module: ir.Module, local: Mapping[Home, str]) -> Surroundings:
    """Return what the texts of a module's keys depend on, given what the user's classes are called there."""
    keys = {key.name for session in module.sessions for key in session.keys}
    fields = {item.name for model in module.models for item in model.fields}
    models = {model.name: model for model in module.models}
    return Surroundings(frozenset(RENAMED_IMPORTS) & (keys | fields), tuple(local.items()), models)
