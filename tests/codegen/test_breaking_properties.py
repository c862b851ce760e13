"""`breaking` keeps its word: what it calls safe is written by one generated module, and read by the other."""

import asyncio
import math
import os
from collections.abc import Iterable
from contextlib import ExitStack
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
from mcp_sessiongen.breaking.compare import breaking
from mcp_sessiongen.breaking.subject import Pair, Schema
from mcp_sessiongen.naming import class_names
from mcp_sessiongen.render import render
from mcp_sessiongen.type_parts import parts_of
from mcp_sessiongen.type_rules import problem_with
from mcp_sessions import Session, SessionValueError
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


def side(module: ir.Module, name: str, stack: ExitStack) -> Side:
    made = stack.enter_context(imported(render(module, "schema.yaml"), name))
    return Side(Schema("schema.yaml", "schema", module), made)


def is_valid(module: ir.Module) -> bool:
    fields = [field for model in module.models for field in model.fields]
    fields += [key for session in module.sessions for key in session.keys]
    return all(problem_with(kind) is None for field in fields for kind in inside(field.type))


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


async def reads_what_was_written(writer: Side, reader: Side, session: str, key: str, value: object) -> None:
    store = MemoryStore()
    written = await writer.accessor(session).create(store)
    try:
        await written.set(key, value)
    except SessionValueError:  # random values need not be within constraints
        return
    read = reader.accessor(session).open(store, written.id)
    before, after = await written.get(key), await read.get(key)
    assert alike(before, after), (before, after)


def make_optional(session: ir.Session) -> ir.Session:
    """Return a session that can be begun without values, and lasts."""
    keys = tuple(replace(key, create="", ttl=None) for key in session.keys)
    return replace(lasting(session), keys=keys)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of keys that are deprecated
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(modules(), st.data())
def test_what_is_called_safe_is_read_as_it_was_written(module: ir.Module, data: st.DataObject) -> None:
    module = replace(module, sessions=tuple(map(make_optional, module.sessions)))
    changed = data.draw(edited(module), "edited")
    assume(is_valid(changed))
    with ExitStack() as stack:
        old = side(module, "released_by_a_property", stack)
        try:
            new = side(changed, "changed_by_a_property", stack)
            new.check_each_key()
        except Exception:  # whatever keeps the edited schema from being one
            assume(False)
        found = {finding.message.partition(":")[0] for finding in breaking([old.schema], [new.schema])}
        for was, now in zip(module.sessions, changed.sessions, strict=True):
            pair = Pair(old.schema, new.schema, was, now)
            for before, after in pair.kept:
                check(old, new, now.name, before, "data" in found, bool(pair.backward(after)), data)
                check(new, old, now.name, after, "servers" in found, bool(pair.forward(after)), data)


def check(
    writer: Side, reader: Side, session: str, key: ir.Field, is_told: bool, has_problem: bool, data: st.DataObject
) -> None:
    """Write and read values of a key, unless there is a finding about it."""
    assert is_told or not has_problem
    if has_problem:
        event("a problem")
        return
    for _ in range(2):
        drawn = data.draw(values(writer.schema.module, key), key.name)
        try:
            value = live(drawn, writer.made)
        except ValidationError:  # random values need not be within constraints of fields either
            continue
        asyncio.run(reads_what_was_written(writer, reader, session, key.name, value))
