"""`breaking` keeps its word: what it calls safe is written by one generated module, and read by the other.

Each example is a session in one to three releases, with the version raised in each or in none, and some of the older
versions known to the compiler of the last: what the first has stored is used by the last, and the other way round.
"""

import asyncio
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from tests.codegen.edits import edited
from tests.codegen.live_values import live
from tests.codegen.strategies import modules, values
from tests.codegen.test_properties import imported, lasting

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.codes import CATEGORY_OF
from mcp_sessiongen.breaking.compare import breaking
from mcp_sessiongen.breaking.subject import Pair, Schema
from mcp_sessiongen.history import Version, past_of
from mcp_sessiongen.naming import class_names
from mcp_sessiongen.render import render
from mcp_sessiongen.type_parts import parts_of
from mcp_sessiongen.type_rules import problem_with
from mcp_sessions import Session, SessionValueError, SessionVersionError
from mcp_sessions.stores.base import Address, SessionCopy, Store
from mcp_sessions.stores.memory import MemoryStore

EXAMPLES = int(os.environ.get("BREAKING_EXAMPLES", "60"))


@dataclass(frozen=True)
class Side:
    """A schema and its generated module."""

    schema: Schema
    made: ModuleType

    def accessor(self, session: str) -> type[Session[Any, Any]]:
        found: type[Session[Any, Any]] = getattr(self.made, class_names(session)[2])
        return found

    def check_each_key(self) -> None:
        """Build all validators: Pydantic refuses some types only then."""
        for session in self.schema.module.sessions:
            for key in self.accessor(session.name).schema.keys:
                assert key.form.adapter


Known = Mapping[str, Mapping[int, Version]]


def side(module: ir.Module, name: str, stack: ExitStack, known: Known | None = None) -> Side:
    known = known or {}
    pasts = {session.name: past_of(module, session, known.get(session.name, {})) for session in module.sessions}
    made = stack.enter_context(imported(render(module, "schema.yaml", pasts), name))
    return Side(Schema("schema.yaml", "schema", module, known=known), made)


def is_valid(module: ir.Module) -> bool:
    fields = [field for model in module.models for field in model.fields]
    fields += [key for session in module.sessions for key in session.keys]
    has_names = all(len(session.keys) == len({key.name for key in session.keys}) for session in module.sessions)
    return has_names and all(problem_with(kind) is None for field in fields for kind in inside(field.type))


def inside(kind: ir.Type) -> Iterable[ir.Type]:
    return (kind, *(inner for part in parts_of(kind) for inner in inside(part)))


def alike(written: Any, read: Any) -> bool:
    """Tell whether a value was read as what was written; a field that is new may have its default."""
    if isinstance(written, BaseModel):
        names = set(type(written).model_fields)
        known = isinstance(read, BaseModel) and names <= set(type(read).model_fields)
        return known and all(alike(getattr(written, name), getattr(read, name)) for name in names)
    if isinstance(written, Enum) or isinstance(read, Enum):
        return alike(plain(written), plain(read))
    if isinstance(written, float | Decimal) and not math.isfinite(written):
        return str(written).lower()[:4] == str(read).lower()[:4]
    if isinstance(written, bool) or isinstance(read, bool):
        return written is read
    if isinstance(written, list | tuple):
        pairs = zip(written, read, strict=False)
        return type(written) is type(read) and len(written) == len(read) and all(alike(*pair) for pair in pairs)
    if isinstance(written, dict):
        is_dict = isinstance(read, dict) and len(written) == len(read)
        return is_dict and all(key in read and alike(value, read[key]) for key, value in written.items())
    return bool(written == read)


def plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


# --- releases ------------------------------------------------------------------------------------------------------


def prepared(module: ir.Module) -> ir.Module:
    """Return a module with its first session alone, which can be begun without values, and lasts."""
    session = module.sessions[0]
    keys = tuple(replace(key, create="", ttl=None) for key in session.keys)
    return replace(module, sessions=(replace(lasting(session), keys=keys, version=1),))


@st.composite
def releases(draw: st.DrawFn) -> list[ir.Module]:
    """What becomes of a session in one or two changes; the version is raised with each, or stays."""
    found = [prepared(draw(modules()))]
    is_raised = draw(st.integers(0, 3)) > 0
    for number in range(draw(st.integers(1, 2))):
        changed = draw(edited(found[-1], number), "changed")
        assume(is_valid(changed))
        version = number + 2 if is_raised else 1
        found.append(replace(changed, sessions=(replace(changed.sessions[0], version=version),)))
    return found


def some_known(released: Sequence[ir.Module], data: st.DataObject) -> Known:
    """Return some of the older versions, or all."""
    older = {one.sessions[0].version: Version(one) for one in released[:-1]}
    older.pop(released[-1].sessions[0].version, None)
    chosen = {number: version for number, version in older.items() if data.draw(st.integers(0, 3), "known") > 0}
    return {released[0].sessions[0].name: chosen}


def heirs(released: Sequence[ir.Module]) -> dict[str, ir.Field | None]:
    """Return which key has the values of each old one in the end, as the authors of the schemas meant it.

    A key is left out if they have not said that its values may go.
    """
    found: dict[str, ir.Field | None] = {}
    for key in released[0].sessions[0].keys:
        heir: ir.Field | None = key
        for one in released[1:]:
            keys = {item.name: item for item in one.sessions[0].keys}
            moved = {item.renamed_from: item for item in one.sessions[0].keys if item.renamed_from}
            heir = heir and (keys.get(heir.name) or moved.get(heir.name))
        if heir or any(key.name in one.sessions[0].reserved for one in released):
            found[key.name] = heir
    return found


def fitting(writer: Side, key: ir.Field, data: st.DataObject) -> list[object]:
    """Return up to two values for a key."""
    found: list[object] = []
    for _ in range(2):
        drawn = data.draw(values(writer.schema.module, key), key.name)
        with suppress(ValidationError):  # random values need not be within constraints of fields
            found.append(live(drawn, writer.made))
    return found


# --- what is tried -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """A session as it was released and as it is, and what `breaking` says of it."""

    old: Side
    new: Side
    session: str
    told: frozenset[str]

    async def begun(self, side: Side, values: Mapping[str, object]) -> tuple[Store, Session[Any, Any]]:
        """Begin a session with those of the values that are within constraints."""
        store = MemoryStore()
        begun = await side.accessor(self.session).create(store)
        for name, value in values.items():
            with suppress(SessionValueError):
                await begun.set(name, value)
        return store, begun

    async def new_code_reads(self, stored: Mapping[str, object], names: Mapping[str, str]) -> None:
        """Have released code store values, and new code read them under the names that they have now."""
        store, begun = await self.begun(self.old, stored)
        before = {name: await begun.get(name) for name in await begun.keys() if name in names}
        used = self.new.accessor(self.session).open(store, begun.id)
        await used.keys()  # which migrates, if there is nothing to read too
        for name, value in before.items():
            after = await used.get(names[name])
            assert alike(value, after), (value, after)
        if "breaking-session-refused" in self.told:
            await self.is_refused(store, begun)

    async def released_code_reads(self, stored: Mapping[str, object], names: Iterable[str]) -> None:
        """Have new code store values, and released code read them and write them back; or be refused."""
        store, begun = await self.begun(self.new, stored)
        used = self.old.accessor(self.session).open(store, begun.id)
        if "breaking-session-refused" in self.told:
            await self.is_refused(store, used)
            return
        for name in set(names) & set(await begun.keys()):
            before, after = await begun.get(name), await used.get(name)
            assert alike(before, after), (before, after)
            await used.set(name, after)
            again = await begun.get(name)
            assert alike(before, again), (before, again)

    async def is_refused(self, store: Store, used: Session[Any, Any]) -> None:
        """Have released code use a session that is of the new version."""
        address = Address("handle", used.id, self.session)
        before = what_is_stored(await store.copy_out(address))
        with pytest.raises(SessionVersionError, match="Nothing is lost"):
            await used.keys()
        with pytest.raises(SessionVersionError):
            await used.clear()
        assert what_is_stored(await store.copy_out(address)) == before


def what_is_stored(copy: SessionCopy | None) -> object:
    return copy and (dict(copy.values), copy.version, copy.since, copy.expires)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of keys that are deprecated
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(releases(), st.data())
def test_what_is_called_safe_is_read_as_it_was_written(released: list[ir.Module], data: st.DataObject) -> None:
    known = some_known(released, data)
    with ExitStack() as stack:
        old = side(released[0], "released_by_a_property", stack)
        try:
            new = side(released[-1], "changed_by_a_property", stack, known)
            new.check_each_key()
        except Exception:  # whatever keeps the edited schema from being one
            assume(False)
        told = frozenset(finding.code for finding in breaking([old.schema], [new.schema]))
        trial = Trial(old, new, released[0].sessions[0].name, told)
        event(f"told: {', '.join(sorted({CATEGORY_OF[code] for code in told} & {'data', 'servers'}))}")
        event(f"{'refused' if 'breaking-session-refused' in told else 'not refused'}: {len(released)} releases")
        check_data(trial, heirs(released), data)
        check_servers(trial, data)


def check_data(trial: Trial, heirs: Mapping[str, ir.Field | None], data: st.DataObject) -> None:
    """Have new code read each key without a finding; without any finding, all of them at once."""
    pair = pair_of(trial)
    is_told = any(CATEGORY_OF[code] == "data" for code in trial.told)
    assert is_told or heirs.keys() == pair.old_keys.keys()
    has_lost = bool(trial.told & {"breaking-key-removed", "breaking-key-renamed"})
    names: dict[str, str] = {}
    whole: dict[str, object] = {}
    for name, heir in heirs.items():
        if heir is None or (has_lost and heir.name != name):
            continue
        if pair.reading(pair.old_keys[name], heir):
            assert is_told
            continue
        names[name] = heir.name
        for value in fitting(trial.old, pair.old_keys[name], data):
            whole[name] = value
            asyncio.run(trial.new_code_reads({name: value}, names))
    if not is_told:
        asyncio.run(trial.new_code_reads(whole, names))


def check_servers(trial: Trial, data: st.DataObject) -> None:
    """Have released code read and write each key without a finding; or be refused."""
    pair = pair_of(trial)
    is_told = any(CATEGORY_OF[code] == "servers" for code in trial.told)
    for key in pair.new.keys:
        if key.name in pair.old_keys and (pair.forward(key) or pair.backward(key)):
            assert is_told or not pair.forward(key)
            continue
        for value in fitting(trial.new, key, data):
            asyncio.run(trial.released_code_reads({key.name: value}, pair.old_keys))


def pair_of(trial: Trial) -> Pair:
    was, now = trial.old.schema, trial.new.schema
    return Pair(was, now, was.module.sessions[0], now.module.sessions[0])
