"""Random schemas: the code that comes out is Python, can be imported, and keeps the values that it is given."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.codegen.live_values import live
from tests.codegen.strategies import modules, values

from mcp_sessiongen import ir
from mcp_sessiongen.diagnostics import Diagnostic, SchemaErrors
from mcp_sessiongen.key_text import key_text, surroundings
from mcp_sessiongen.naming import class_names
from mcp_sessiongen.pipeline import compile_sources
from mcp_sessiongen.render import render
from mcp_sessions import Session
from mcp_sessions.stores.memory import MemoryStore

NAME = "generated_by_a_property"
A_LIFE = 30.0 * 86400
"""Seconds that a session lives without use: longer than most keys."""


@contextmanager
def imported(text: str, name: str = NAME) -> Iterator[ModuleType]:
    """Have a generated module, known to Python as an import would have it."""
    module = ModuleType(name)
    sys.modules[name] = module
    try:
        exec(compile(text, f"{name}.py", "exec"), vars(module))
        yield module
    finally:
        del sys.modules[name]


class Clock:
    """A clock that is moved by hand."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def keeps_values(accessor: type[Session[Any, Any]], session: ir.Session, values: dict[str, Any]) -> None:
    """Write a value of each key, read it by method, by name, and all at once; then take it or let its time pass."""
    clock = Clock()
    begun = {key.name: values[key.name] for key in session.keys if key.create}
    live = await accessor.create(MemoryStore(clock=clock), idle=f"{A_LIFE}s", values=begun)
    for key in session.keys:
        assert await live.has(key.name) == bool(key.create)
        await keeps_what_is_written(live, key, values[key.name])
    assert await live.keys() == list(values)
    state = await live.snapshot()
    assert state.model_fields_set == set(values)
    assert all(same(getattr(state, name), value) for name, value in values.items())
    timed = {key.ttl: key.name for key in session.keys if key.ttl and key.ttl < A_LIFE}
    for key in session.keys:
        if key.ttl is None:
            assert same(await getattr(live, f"take_{key.name}")(), values[key.name])
            assert not await live.has(key.name)
    began = clock.now
    for ttl, name in sorted(timed.items()):
        clock.now = began + ttl * 0.99
        assert await live.has(name)
        clock.now = began + ttl
        assert not await live.has(name)


async def keeps_what_is_written(live: Session[Any, Any], key: ir.Field, value: object) -> None:
    get, put = getattr(live, f"get_{key.name}"), getattr(live, f"set_{key.name}")
    by_name: Any = live
    if key.create:
        assert same(await get(), value)
        await live.remove(key.name)
    unset = await get()
    assert (unset is None) or key.default is not None
    if key.default is not None:
        await put(unset)
        assert same(await by_name.get(key.name), unset)
    await put(value)
    assert same(await get(), value)
    await live.remove(key.name)
    await by_name.set(key.name, value)
    assert same(await by_name.get(key.name), value)


def lasting(session: ir.Session) -> ir.Session:
    """Return a session that does not end while it is tried."""
    return replace(session, idle=None, max=None)


def same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of keys that are deprecated
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(modules(), st.data())
def test_any_schema_gives_a_module_that_keeps_values(module: ir.Module, data: st.DataObject) -> None:
    with imported(render(replace(module, sessions=tuple(map(lasting, module.sessions))), "schema.yaml")) as made:
        assert set(made.__all__) <= set(vars(made))
        for session in module.sessions:
            drawn = {key.name: live(data.draw(values(module, key), key.name), made) for key in session.keys}
            asyncio.run(keeps_values(getattr(made, class_names(session.name)[2]), session, drawn))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(modules())
def test_a_key_s_text_is_the_same_whether_or_not_it_was_made_before(module: ir.Module) -> None:
    """Made with stand-ins for its names, or, since it holds one of their letters, at once."""
    around = surroundings(module, {})
    for session in module.sessions:
        for key in session.keys:
            plain = ir.Field(**{**{name: getattr(key, name) for name in key.__slots__}, "doc": "Say Hm."})
            direct = ir.Field(**{**{name: getattr(key, name) for name in key.__slots__}, "doc": "Say Þm."})
            one = key_text(session, plain, around, several=False)
            other = key_text(session, direct, around, several=False)
            assert str(other).replace("Þm", "Hm") == str(one)


WORDS = st.sampled_from(
    [
        *(
            "int",
            "str",
            "Tree",
            "Leaf",
            "Kind",
            "Level",
            "list[Tree]",
            "dict[str, Leaf]",
            "dict[Kind, int]",
            "set[Level]",
        ),
        *("Leaf | Twig", "Tree?", "Annotated[Leaf | Twig, Field(discriminator='kind')]", "set[Leaf]", "Kind | str"),
        *("list[Annotated[str, Field(max_length=3)]]", "Annotated[int, Field(ge=5)] = 3", "Kind = 'a'", "Level = 3"),
        *(
            "Leaf = {'kind': 'leaf'}",
            "tuple[Tree, ...]",
            "Decimal = '1e400'",
            "date = '2020-02-30'",
            "Nothing",
            "list[",
        ),
    ]
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "ttl": st.sampled_from(["5m", "0s", "5", 5, None, "9d"]),
        "create": st.sampled_from(["required", "optional", "always", True]),
        "renamed_from": st.sampled_from(["old", "a", "b", "class", "", 3, "a b"]),
        "deprecated": st.one_of(st.text(max_size=9), st.booleans()),
        "default": st.sampled_from([None, 0, "a", [], {}, {"kind": "leaf"}, [[]], True]),
        "discriminator": st.sampled_from(["kind", "none", 3]),
        "ge": st.sampled_from([0, "x", "2020-01-01", None]),
        "max_length": st.sampled_from([0, -1, "x"]),
    },
)
KEYS = st.dictionaries(
    st.sampled_from(["a", "b", "old", "kind", "retention", "cart", "class", "str"]),
    st.one_of(WORDS, st.builds(lambda word, options: {"type": word, **options}, WORDS, OPTIONS)),
    max_size=4,
)
FIELDS = st.dictionaries(st.sampled_from(["kind", "a", "b"]), st.one_of(WORDS, st.just("Literal['leaf']")), max_size=3)
MEMBERS = st.lists(st.one_of(st.text(max_size=3), st.integers(), st.booleans(), st.sampled_from(["a", "name", ""])))
FILES = st.fixed_dictionaries(
    {
        "sessiongen": st.just(1),
        "types": st.fixed_dictionaries(
            {
                "Tree": FIELDS,
                "Leaf": FIELDS,
                "Twig": FIELDS,
                "Kind": st.builds(lambda values: {"enum": values}, MEMBERS),
                "Level": st.just({"enum": [{"value": 3, "name": "THREE"}]}),
            }
        ),
        "sessions": st.fixed_dictionaries(
            {"cart": st.fixed_dictionaries({"keys": KEYS}, optional={"reserved": st.lists(st.sampled_from("ab"))})}
        ),
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(FILES)
def test_any_file_gives_a_module_or_diagnostics(project: Path, content: dict[str, object]) -> None:
    (project / "schema.yaml").write_text(json.dumps(content))
    found: tuple[Diagnostic, ...] = ()
    text = ""
    try:
        text = compile_sources(("schema.yaml",), project)["schema.py"]
    except SchemaErrors as errors:
        found = errors.diagnostics
    assert all(diagnostic.hint for diagnostic in found)
    assert bool(found) != bool(text)
    with imported(text) as made:
        assert not text or made.CartState.model_rebuild(force=True)
