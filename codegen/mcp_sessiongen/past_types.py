"""The value types and sessions of older versions, with the names that they have beside those of the present. Pure.

A type that is still the same keeps its name; one that is not is called after the last version that had it: `ItemV2`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from mcp_sessiongen import ir
from mcp_sessiongen.history import Past, Version
from mcp_sessiongen.names import cap_words
from mcp_sessiongen.naming import class_names, constant_name, schema_constant
from mcp_sessiongen.type_parts import names_in, types_of

NodeT = TypeVar("NodeT")


@dataclass(frozen=True)
class PastSession:
    """A session as it was.

    Attributes:
        of: The session's name.
        session: What it was, under a name of its own: `cart_v2`.
    """

    of: str
    session: ir.Session

    @property
    def version(self) -> int:
        """Which version that is."""
        return self.session.version


def with_pasts(module: ir.Module, pasts: Mapping[str, Past]) -> tuple[ir.Module, list[PastSession]]:
    """Return a module with the types of older versions after its own, and the sessions of those versions."""
    models, enums = list(module.models), list(module.enums)
    sessions = []
    pools = [_Pool(module, {kind: kind for kind in module.type_names})]
    taken = set(module.type_names)
    for name, past in pasts.items():
        secret = _secrets_of(next(session for session in module.sessions if session.name == name))
        for version in reversed(past.versions):
            pool = _pool_of(version, name, pools)
            own = {kind for kind, called in pool.names.items() if called not in taken}
            taken.update(pool.names.values())
            models += [renamed(model, pool.names) for model in pool.module.models if model.name in own]
            enums += [renamed(enum, pool.names) for enum in pool.module.enums if enum.name in own]
            keys = tuple(replace(key, secret=key.secret or key.name in secret) for key in version.session.keys)
            was = replace(version.session, name=f"{name}_v{version.number}", model=None, keys=keys)
            was = renamed(was, pool.names)
            sessions.append(PastSession(name, was))
            pools.append(pool)
    return replace(module, models=tuple(models), enums=tuple(enums)), sessions[::-1]


def _secrets_of(session: ir.Session) -> set[str]:
    """Return the names that secret keys have and had: an older version may not say yet that they are secret."""
    return {name for key in session.keys if key.secret for name in (key.name, key.renamed_from)}


def clashing(module: ir.Module, pasts: Mapping[str, Past]) -> str:
    """Return a name that older versions would give to something and that is taken; "" if there is none."""
    whole, sessions = with_pasts(module, pasts)
    several = len(module.sessions) > 1
    taken = set(module.type_names)
    for session in module.sessions:
        taken.update(class_names(session.name))
        taken.update(constant_name(session.name, key.name, several=several) for key in session.keys)
        taken.add(schema_constant(session.name, several=several))
    made = [name for name in whole.type_names if name not in module.type_names]
    made += [name for past in sessions for name in _names_of(past.session)]
    made += [class_names(f"{name}_v{module_version(module, name)}")[1] for name in pasts]
    for name in made:
        if name in taken:
            return name
        taken.add(name)
    return ""


def module_version(module: ir.Module, session: str) -> int:
    """Return the present version of a session."""
    return next(one.version for one in module.sessions if one.name == session)


def renamed(node: NodeT, names: Mapping[str, str]) -> NodeT:
    """Return a part of the IR in which the schema's own types have other names."""
    if isinstance(node, tuple):
        return cast("NodeT", tuple(renamed(item, names) for item in node))
    if not is_dataclass(node) or isinstance(node, type):
        return node
    changes: dict[str, Any] = {part.name: renamed(getattr(node, part.name), names) for part in fields(node)}
    is_own = isinstance(node, ir.Named | ir.Model | ir.Enumeration) or (
        isinstance(node, ir.Instance) and not node.module
    )
    if is_own:
        changes["name"] = names.get(changes["name"], changes["name"])
    return cast("NodeT", replace(node, **changes))


def _names_of(session: ir.Session) -> Iterator[str]:
    yield class_names(session.name)[1]
    yield schema_constant(session.name, several=True)
    for key in session.keys:
        yield constant_name(session.name, key.name, several=True)


@dataclass(frozen=True)
class _Pool:
    """The types of one version, and what they are called in the generated module."""

    module: ir.Module
    names: Mapping[str, str]


def _pool_of(version: Version, session: str, others: list[_Pool]) -> _Pool:
    used = types_of(version.session, version.module)
    module = ir.Module(
        tuple(one for one in used if isinstance(one, ir.Model)),
        (version.session,),
        tuple(one for one in used if isinstance(one, ir.Enumeration)),
    )
    same = [(pool, _same(module, pool.module)) for pool in others]
    taken = {called for pool in others[1:] for called in pool.names.values()}
    names = {}
    for kind in module.type_names:
        alike = next((pool.names[kind] for pool, shared in same if kind in shared), "")
        new = f"{kind}V{version.number}"
        names[kind] = alike or (new if new not in taken else f"{cap_words(session)}{new}")
    return _Pool(module, names)


def _types_by_name(module: ir.Module) -> dict[str, ir.Model | ir.Enumeration]:
    return {**{model.name: model for model in module.models}, **{enum.name: enum for enum in module.enums}}


def _same(one: ir.Module, other: ir.Module) -> set[str]:
    """Return the names of the types that are the same in two modules, with all that they are made of."""
    # Imported here: only schemas that have a past need it.
    from mcp_sessiongen.breaking.snapshot import normal

    mine, theirs = (_types_by_name(normal(module)) for module in (one, other))
    shared = {name for name, kind in mine.items() if theirs.get(name) == kind}
    while True:
        apart = {
            name
            for name in shared
            if isinstance(kind := mine[name], ir.Model)
            and any(inner not in shared for item in kind.fields for inner in names_in(item.type))
        }
        if not apart:
            return shared
        shared -= apart
