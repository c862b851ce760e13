"""The exported JSON Schema and the generated state agree on what is a state, and what is not."""

import json
import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import BaseModel, TypeAdapter, ValidationError
from tests.codegen.strategies import IMPORTED, modules

from mcp_sessiongen import ir
from mcp_sessiongen.export import export
from mcp_sessiongen.naming import class_names
from mcp_sessiongen.render import render

SAMPLES: Final[list[Any]] = [
    *(None, True, False, 0, 1, -1, 2, 10**9, 0.5, -2.5),
    *("", "text", "YQ==", "1", "1.5", "-0", "2020-01-02", "2020-01-02T03:04:05Z", "03:04:05", "PT5M", "P1D"),
    *("12345678-1234-5678-1234-567812345678", '"""', "two\nlines", "ABC-1"),
    *([], [1], ["a"], [1, "a"], [[]], [0.5, 1], ["2020-01-02"]),
    *({}, {"a": 1}, {"1": "x"}, {"a": None}, {"2020-01-02": []}),
]
FORMATS: Final[dict[str, Any]] = {
    "date": date,
    "time": time,
    "date-time": datetime,
    "duration": timedelta,
    "uuid": UUID,
    "decimal": Decimal,
}
thorough = settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)


def formats() -> FormatChecker:
    """A checker for which a text has a format if the runtime reads it so."""
    checker = FormatChecker(formats=())
    for name, kind in FORMATS.items():
        checker.checks(name)(_reads(TypeAdapter(kind)))
    return checker


def _reads(adapter: TypeAdapter[Any]) -> Callable[[object], bool]:
    def reads(value: object) -> bool:
        if not isinstance(value, str):
            return True
        try:
            adapter.validate_json(json.dumps(value), strict=True)
        except ValidationError:
            return False
        return True

    return reads


CHECKER: Final = formats()


def generated(module: ir.Module, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    made = ModuleType("generated_for_json_schema")
    monkeypatch.setitem(sys.modules, made.__name__, made)
    exec(compile(render(module, "schema.yaml"), "generated.py", "exec"), vars(made))
    return made


def accepts(state: type[BaseModel], content: object) -> bool:
    try:
        state.model_validate_json(json.dumps(content), strict=True)
    except ValidationError:
        return False
    return True


@thorough
@given(module=modules())
def test_it_is_a_json_schema_and_its_defaults_are_states(module: ir.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = json.loads(export(module, "json-schema", classes=IMPORTED))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=CHECKER)
    made = generated(module, monkeypatch)
    for session in module.sessions:
        state = getattr(made, class_names(session.name)[1])
        content = json.loads(state().model_dump_json(round_trip=True))
        validator.validate({session.name: content})
        properties = schema["$defs"][state.__name__]["properties"]
        validator.validate({session.name: {name: key["default"] for name, key in properties.items()}})
        assert list(properties) == [key.name for key in session.keys]


@thorough
@given(module=modules(), data=st.data())
def test_it_agrees_with_the_generated_state_on_any_value(
    module: ir.Module, data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Except where JSON Schema has no words: those constraints stand under `x-constraints`."""
    schema = json.loads(export(module, "json-schema", classes=IMPORTED))
    assume("x-constraints" not in json.dumps(schema))
    session = data.draw(st.sampled_from(module.sessions))
    key = data.draw(st.sampled_from(session.keys))
    validator = Draft202012Validator(schema, format_checker=CHECKER)
    state = getattr(generated(module, monkeypatch), class_names(session.name)[1])
    # To Pydantic, as to Python, false is the 0 of an enumeration, and true the 1.
    numbers = {member.value for enum in module.enums for member in enum.members}
    for sample in (item for item in SAMPLES if not (isinstance(item, bool) and item in numbers)):
        content = {key.name: sample}
        assert validator.is_valid({session.name: content}) == accepts(state, content), sample
