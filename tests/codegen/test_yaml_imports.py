"""Classes that a YAML schema imports: from where, when, and what happens when they change."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., Any]

SCHEMA = """\
sessiongen: 1
types: {Item: {import: "models:Item"}}
sessions: {cart: {keys: {items: "list[Item]", first: "models:Item?"}}}
"""
MODELS = """\
from pydantic import BaseModel

print("imported")


class Item(BaseModel):
    sku: str
"""
LOAD = """\
import sys
from pathlib import Path
from mcp_sessiongen.diagnostics import Report
from mcp_sessiongen.load.yaml_schema import load_yaml
report = Report()
load_yaml("s.yaml", Path("s.yaml").read_bytes(), report)
report.raise_if_any()
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"pydantic", "jinja2", "click", "models"}))
"""


@pytest.fixture
def shop(project: Path) -> Path:
    (project / "cart.yaml").write_text(SCHEMA)
    (project / "models.py").write_text(MODELS)
    return project


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, *arguments]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_a_schema_without_imports_loads_nothing_for_them(project: Path) -> None:
    (project / "s.yaml").write_text(
        "sessiongen: 1\ntypes: {A: {enum: [a]}}\nsessions: {s: {keys: {a: A?, b: int = 1}}}"
    )
    done = command(project, "-c", LOAD)
    assert (done.stdout, done.stderr) == ("\n", "")


def test_a_class_is_imported_from_where_the_user_works_and_what_it_prints_is_kept(shop: Path, run: Run) -> None:
    outcome = run("generate", "cart.yaml", "-o", "state")
    assert (outcome.code, outcome.err) == (0, "")
    assert "imported" not in outcome.out.splitlines()
    assert "from models import Item" in (shop / "state" / "cart.py").read_text()
    assert "models" not in sys.modules


def test_a_class_is_found_in_the_src_folder_of_the_project(shop: Path, run: Run) -> None:
    (shop / "pyproject.toml").touch()
    (shop / "src").mkdir()
    (shop / "models.py").rename(shop / "src" / "models.py")
    assert run("generate", "cart.yaml", "-o", "state").code == 0


def test_check_looks_at_the_imported_class_too(shop: Path) -> None:
    """The schema is as it was, and so is the output: but the class is gone."""
    assert command(shop, "-m", "mcp_sessiongen", "generate", "cart.yaml", "-o", "state").returncode == 0
    assert command(shop, "-m", "mcp_sessiongen", "check", "cart.yaml", "-o", "state").returncode == 0
    (shop / "models.py").write_text(MODELS.replace("class Item", "class Line"))
    done = command(shop, "-m", "mcp_sessiongen", "check", "cart.yaml", "-o", "state")
    assert done.returncode == 2
    assert "cart.yaml:2:24: error[unknown-type]: models has no 'Item'" in done.stderr
    assert "did you mean" not in done.stderr
    assert done.stderr.count("error[") == 2  # where it is declared, and the other way to name it


def test_a_schema_cannot_import_what_is_about_to_be_written(shop: Path, run: Run) -> None:
    (shop / "cart.yaml").write_text(SCHEMA.replace("models:Item", "state.cart:Item"))
    outcome = run("generate", "cart.yaml", "-o", "state")
    assert outcome.code == 2
    assert outcome.err.count("error[import-failed]") == 1
    assert "cannot import state.cart: " in outcome.err


def test_a_module_that_looks_at_its_names_when_asked_is_no_crash(shop: Path, run: Run) -> None:
    (shop / "models.py").write_text("def __getattr__(name):\n    raise RuntimeError(name)\n")
    outcome = run("generate", "cart.yaml", "-o", "state")
    assert outcome.code == 2
    assert "models has no 'Item'" in outcome.err
