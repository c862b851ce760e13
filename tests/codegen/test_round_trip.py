"""No form of a schema loses anything: what is written down in one and read back means the same."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from tests.codegen.strategies import IMPORTED, modules

from mcp_sessiongen import ir
from mcp_sessiongen.diagnostics import Report
from mcp_sessiongen.export import export
from mcp_sessiongen.export.ir_json import load_ir
from mcp_sessiongen.ir_dump import dump
from mcp_sessiongen.load.module_scope import ModuleScopes
from mcp_sessiongen.load.targets import find_targets
from mcp_sessiongen.pipeline import compile_target

FORMS = {"yaml": "yaml", "pydantic": "py"}


@pytest.fixture
def read(project: Path) -> Callable[[str, str], ir.Module]:
    """Return what the text of a schema means, by the real front ends."""
    numbers = count()

    def read_text(form: str, text: str) -> ir.Module:
        path = project / f"schema_{next(numbers)}.{FORMS[form]}"
        path.write_text(text, encoding="utf-8", newline="")
        report = Report()
        (target,) = find_targets((path.name,), report)
        module = compile_target(target, project, report, ModuleScopes()).module
        report.raise_if_any()
        path.unlink()
        return module

    return read_text


Read = Callable[[str, str], ir.Module]
unhurried = settings(max_examples=100, suppress_health_check=list(HealthCheck), deadline=None)


@unhurried
@given(modules())
def test_the_ir_comes_back_from_its_json(module: ir.Module) -> None:
    again = load_ir(export(module, "ir"))
    assert again == module
    assert dump(again) == dump(module)


@pytest.mark.parametrize("form", FORMS)
@unhurried
@given(module=modules())
def test_a_schema_comes_back_from_a_form(form: str, read: Read, module: ir.Module) -> None:
    text = export(module, form, classes=IMPORTED)
    again = read(form, text)
    assert dump(again) == dump(module)
    assert export(again, form, classes=IMPORTED) == text
