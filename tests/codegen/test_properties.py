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
from tests.codegen.strategies import modules

from mcp_sessiongen import ir
from mcp_sessiongen.diagnostics import Diagnostic, SchemaErrors
from mcp_sessiongen.key_text import key_text, surroundings
from mcp_sessiongen.pipeline import compile_sources
from mcp_sessiongen.render import render
from mcp_sessions import open_store

NAME = "generated_by_a_property"


@contextmanager
def imported(text: str) -> Iterator[ModuleType]:
    """Have a generated module, known to Python as an import would have it."""
    module = ModuleType(NAME)
    sys.modules[NAME] = module
    try:
        exec(compile(text, f"{NAME}.py", "exec"), vars(module))
        yield module
    finally:
        del sys.modules[NAME]


async def keeps_its_defaults(module: ModuleType, session: ir.Session) -> None:
    """Write what reading gives for each unset key, and read it back: by method, by name, and all at once."""
    accessor = getattr(module, f"{''.join(part.capitalize() for part in session.name.split('_'))}Session")
    store = open_store("memory://")
    live = await accessor.create(store)
    for key in session.keys:
        get, put = getattr(live, f"get_{key.name}"), getattr(live, f"set_{key.name}")
        value = await get()
        assert (value is None) or key.default is not None
        if key.default is not None:
            await put(value)
            assert await live.has(key.name)
            assert equal(await live.get(key.name), value)
    state = await live.snapshot()
    assert set(type(state).model_fields) == {key.name for key in session.keys}


def lasting(session: ir.Session) -> ir.Session:
    """Return a session that does not end while it is tried."""
    return replace(session, idle=None, max=None, keys=tuple(replace(key, ttl=None) for key in session.keys))


def equal(one: Any, other: Any) -> bool:
    return bool(one == other) or repr(one) == repr(other)  # nan is not equal to itself


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of keys that are deprecated
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(modules())
def test_any_schema_gives_a_module_that_keeps_values(module: ir.Module) -> None:
    with imported(render(replace(module, sessions=tuple(map(lasting, module.sessions))), "schema.yaml")) as made:
        assert set(made.__all__) <= set(vars(made))
        # A session that begins with values is the runtime's business.
        for session in (item for item in module.sessions if not any(key.create for key in item.keys)):
            asyncio.run(keeps_its_defaults(made, session))


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
