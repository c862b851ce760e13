"""Hypothesis strategies from schemas: every value fits its key, and comes back from a store as it was."""

import asyncio
import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import BaseModel, Field, PlainValidator, model_validator
from pydantic_core import CoreSchema, core_schema

from mcp_sessions import Key, Session, SessionKeyError, SessionSchema, SessionValueError, UntypedSession, open_store
from mcp_sessions.testing.strategies import NoStrategyError, snapshots, states, values

REPEATABLE = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ACCESSORS = {
    "counter": "CounterSession",
    "notes": "NotesSession",
    "preferences": "PreferencesSession",
    "wizard": "WizardSession",
    "kinds": "KindsSession",
    "order": "OrderSession",
    "schemas": "OrderSession",
    "accessors": "CartSession",
    "typing_shop": "BasketSession",
    "shop": "EverythingSession",
}
"""The accessors of all schemas that there are: the examples, those of tests, and those that the docs show."""


def yaml_with(page: Path, marker: str) -> str:
    found = re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    [block] = [block for block in found if marker in block]
    return str(block)


@pytest.fixture(scope="module")
def compiled(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ModuleType]]:
    """Import what a schema was compiled to, by its name."""
    folder = tmp_path_factory.mktemp("strategies")
    for file in (*repository.glob("schemas/*.yaml"), repository / "tests/runtime/kinds.yaml"):
        shutil.copy(file, folder)
    shutil.copy(repository / "tests/testing/shop.py", folder)
    typed = repository / "tests/typing/schemas"
    (folder / "typing_shop.py").write_text((typed / "shop.py").read_text())
    (folder / "order.yaml").write_text((typed / "order.yaml").read_text().replace("shop:", "typing_shop:"))
    (folder / "schemas.yaml").write_text(yaml_with(repository / "docs/schemas.md", "An order that"))
    (folder / "accessors.yaml").write_text(yaml_with(repository / "docs/accessors.md", "A shopping cart."))
    sources = [*sorted(path.name for path in folder.glob("*.yaml")), "shop:Everything", "typing_shop:Basket"]
    command = [sys.executable, "-m", "mcp_sessiongen", "generate", *sources, "-o", "sampled"]
    subprocess.run(command, cwd=folder, check=True, timeout=120, capture_output=True)
    sys.path.insert(0, str(folder))
    known = set(sys.modules)
    yield lambda name: importlib.import_module(f"sampled.{name}")
    sys.path.remove(str(folder))
    for name in set(sys.modules) - known:
        if name.partition(".")[0] in ("sampled", "shop", "typing_shop"):
            del sys.modules[name]


@pytest.mark.parametrize("name", ACCESSORS)
def test_every_state_is_stored_and_read_back(name: str, compiled: Callable[[str], ModuleType]) -> None:
    accessor: Any = getattr(compiled(name), ACCESSORS[name])

    async def use(state: dict[str, Any]) -> None:
        session = await accessor.create(open_store("memory://"), values=state)
        snapshot = await session.snapshot()
        assert snapshot.model_fields_set == set(state)
        for key, value in state.items():
            assert await session.get(key) == value == getattr(snapshot, key)
            await session.set(key, value)

    @REPEATABLE
    @given(states(accessor))
    def check(state: dict[str, Any]) -> None:
        asyncio.run(use(state))

    check()


@pytest.mark.parametrize("name", ACCESSORS)
def test_every_key_has_values_that_differ(name: str, compiled: Callable[[str], ModuleType]) -> None:
    accessor: Any = getattr(compiled(name), ACCESSORS[name])
    for key in accessor.schema.keys:
        seen = samples(values(accessor, key.name))
        assert [value for value in seen if key.decode_set(key.encode(value)) != value] == []
        assert any(value != seen[0] for value in seen), key


@pytest.mark.parametrize("name", ["order", "shop", "kinds"])
def test_snapshots_are_objects_of_the_state_model(name: str, compiled: Callable[[str], ModuleType]) -> None:
    accessor = getattr(compiled(name), ACCESSORS[name])

    for snapshot in samples(snapshots(accessor)):
        assert type(snapshot) is accessor.schema.state
        assert getattr(snapshot, "low", 0) <= getattr(snapshot, "high", 9)


def test_keys_that_a_session_cannot_begin_without_are_always_there(compiled: Callable[[str], ModuleType]) -> None:
    for name, key in (("order", "customer"), ("schemas", "title")):
        accessor = getattr(compiled(name), ACCESSORS[name])
        assert [state for state in samples(states(accessor)) if key not in state] == []


def test_each_key_is_unset_in_some_states_and_set_in_others(compiled: Callable[[str], ModuleType]) -> None:
    accessor = compiled("kinds").KindsSession
    seen = [set(state) for state in samples(states(accessor), 100)]
    assert set.union(*seen) == {key.name for key in accessor.schema.keys}
    assert set.intersection(*seen) == set()


def test_values_shrink_to_the_simplest(compiled: Callable[[str], ModuleType]) -> None:
    kinds = compiled("kinds").KindsSession
    assert found(states(kinds), lambda state: len(state.get("tags", ())) > 1) == {"tags": ["", ""]}
    assert found(values(kinds, "money"), lambda money: money > 10) == Decimal("10.01")
    order = compiled("order")
    deep = found(values(order.OrderSession, "part"), lambda part: bool(part.parts))
    assert deep == order.Part(name="", parts=[order.Part(name="")])


def samples(strategy: SearchStrategy[Any], number: int = 20) -> list[Any]:
    seen = []

    @settings(REPEATABLE, max_examples=number)
    @given(strategy)
    def collect(value: Any) -> None:
        seen.append(value)

    collect()
    return seen


def found(strategy: SearchStrategy[Any], condition: Callable[..., bool]) -> Any:
    return find(strategy, condition, settings=settings(REPEATABLE, max_examples=2000))


def test_an_untyped_session_has_any_json(compiled: Callable[[str], ModuleType]) -> None:
    async def use(state: dict[str, Any]) -> None:
        session = await UntypedSession.create(open_store("memory://"), values=state)
        assert await session.snapshot() == state

    @REPEATABLE
    @given(states(UntypedSession, {"step": values(UntypedSession, "step").filter(bool)}))
    def check(state: dict[str, Any]) -> None:
        assert state.get("step", True)
        asyncio.run(use(state))

    check()


def accessor_of(annotation: Any, **options: Any) -> type[Session[Any, Any]]:
    """An accessor with one key, ``x``."""
    key: Key[Any, Any] = Key("x", annotation, **options)

    class State(BaseModel):
        x: Any = None

    class OneSession(Session[Any, Any], schema=SessionSchema(name="one", state=State, keys=(key,))):
        pass

    return OneSession


def only_even(value: object) -> int:
    if not isinstance(value, int) or value % 2:
        raise ValueError("odd")
    return value


class Endless(BaseModel):
    more: "Endless"


EVEN = Annotated[int, PlainValidator(only_even)]


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (EVEN, r"one\.x: which values fit is decided by code of its own \(function-plain\); say which: states\(One"),
        (list[EVEN], "function-plain"),
        (Annotated[str, Field(pattern=r"^\p{Greek}+$")], r"one\.x: Python does not understand the pattern"),
        (Endless, r"one\.x: each value of this type would have to hold another one of it"),
    ],
)
def test_what_cannot_be_known_is_said_with_the_key_and_the_way_out(annotation: Any, words: str) -> None:
    with pytest.raises(NoStrategyError, match=words):
        values(accessor_of(annotation), "x")


class Pair(NamedTuple):
    a: int
    b: int = 0


def described_by(schema: CoreSchema) -> type[Any]:
    """A type that says by itself how Pydantic is to check it."""

    class Described:
        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
            return schema

    return Described


WITH_DEFAULT = core_schema.no_info_after_validator_function(
    abs, core_schema.with_default_schema(core_schema.int_schema(), default=0)
)
PARAMETERS = [
    core_schema.arguments_parameter("a", core_schema.int_schema()),
    core_schema.arguments_parameter("b", WITH_DEFAULT),
]


@pytest.mark.parametrize(
    "schema",
    [
        core_schema.datetime_schema(tz_constraint=3600),
        core_schema.time_schema(tz_constraint=3600),
        core_schema.time_schema(tz_constraint="aware"),
        core_schema.time_schema(tz_constraint="naive"),
        core_schema.call_schema(core_schema.arguments_schema(PARAMETERS), Pair),  # older Pydantic's named tuples
    ],
    ids=lambda schema: str(schema.get("tz_constraint", schema["type"])),
)
def test_types_that_describe_themselves_have_values_too(schema: CoreSchema) -> None:
    assert len({repr(value) for value in samples(values(accessor_of(described_by(schema)), "x"))}) > 1


def test_strategies_of_the_users_own_stand_in_and_their_values_are_checked() -> None:
    accessor = accessor_of(EVEN)
    assert found(states(accessor, {"x": st.sampled_from([4, 6])}), lambda state: "x" in state) == {"x": 4}
    with pytest.raises(SessionValueError, match="x: "):
        found(states(accessor, {"x": st.just(3)}), lambda state: "x" in state)
    for wrong in (lambda: states(accessor, {"y": st.just(3)}), lambda: values(accessor, "y")):
        with pytest.raises(SessionKeyError, match="one has no key 'y'"):
            wrong()


def test_a_class_that_hypothesis_was_told_of_has_the_values_that_it_was_told(
    compiled: Callable[[str], ModuleType],
) -> None:
    import ipaddress

    st.register_type_strategy(ipaddress.IPv6Interface, st.just(ipaddress.IPv6Interface("::1/64")))
    assert found(values(accessor_of(ipaddress.IPv6Interface), "x"), bool) == ipaddress.IPv6Interface("::1/64")


def test_a_model_that_is_never_content_is_hypothesis_to_tell() -> None:
    class Never(BaseModel):
        n: int

        @model_validator(mode="after")
        def refuse(self) -> "Never":
            raise ValueError("never")

    from hypothesis.errors import NoSuchExample, Unsatisfiable

    with pytest.raises((NoSuchExample, Unsatisfiable)):
        found(values(accessor_of(Never), "x"), lambda value: True)
