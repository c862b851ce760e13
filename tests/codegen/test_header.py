"""The command in a generated module's header: run in the module's folder, it writes the same bytes."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., Any]

YAML = "sessiongen: 1\nsessions:\n  counter:\n    keys:\n      counter: int = 0\n"
PYTHON = (
    "from enum import Enum\nfrom mcp_sessions import SessionModel\n"
    "class Kind(Enum):\n    A = 'a'\nclass Cart(SessionModel):\n    kind: Kind = Kind.A\n"
)
RELATIVE = (
    "from mcp_sessions import SessionModel\nfrom .common import LIMIT\nclass Cart(SessionModel):\n    x: int = LIMIT\n"
)

FILES = {
    "pyproject.toml": "",
    "schemas/counter.yaml": YAML,
    "schemas/-odd name.d/counter.yml": YAML,
    "plain.py": PYTHON,
    "app/__init__.py": "",
    "app/common.py": "LIMIT = 7\n",
    "app/models.py": PYTHON + RELATIVE.replace("Cart", "Basket"),
    "app/sub/__init__.py": RELATIVE.replace(".common", "..common"),
    "src/shop/__init__.py": "",
    "src/shop/models.py": PYTHON,
    "space/models.py": PYTHON,
}
TARGETS = {
    "schemas/counter.yaml": "../../schemas/counter.yaml",
    "schemas": "../../schemas/counter.yaml",
    "schemas/-odd name.d": "'../../schemas/-odd name.d/counter.yml'",
    "plain.py": "../../plain.py",
    "plain.py:Cart": "../../plain.py:Cart",
    "plain": "../../plain.py",
    "app/models.py": "../models.py",
    "app/models.py:Cart": "../models.py:Cart",
    "app.models": "../models.py",
    "app.models:Cart": "../models.py:Cart",
    "app.sub": "../sub/__init__.py",
    "app/sub/__init__.py:Cart": "../sub/__init__.py:Cart",
    "shop.models": "../../src/shop/models.py",
    "shop.models:Cart": "../../src/shop/models.py:Cart",
    "space.models": "space.models",  # in a namespace package, the file alone would be another module
}


@pytest.fixture
def files(project: Path) -> Path:
    for name, text in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    return project


@pytest.mark.parametrize("target", TARGETS)
def test_the_command_in_the_header_gives_the_same_bytes(target: str, files: Path, run: Run) -> None:
    assert run("generate", target, "-o", "app/state").err == ""
    (module,) = (
        path for path in (files / "app" / "state").iterdir() if path.suffix == ".py" and path.name != "__init__.py"
    )
    before = module.read_bytes()
    command = module.read_text().splitlines()[1].removeprefix("#").strip()
    assert command == f"mcp-sessiongen generate {TARGETS[target]} -o ."
    module.unlink()
    line = [sys.executable, "-m", "mcp_sessiongen", *shlex.split(command)[1:]]
    done = subprocess.run(line, cwd=module.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert module.read_bytes() == before


def test_a_module_that_is_installed_is_called_by_its_name(
    files: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = files / "lib" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "wares.py").write_text(PYTHON)
    monkeypatch.syspath_prepend(installed)
    assert run("generate", "wares", "-o", "out").err == ""
    assert "#   mcp-sessiongen generate wares -o .\n" in (files / "out" / "wares.py").read_text()


def test_a_generated_file_does_not_hide_the_installed_module_that_it_is_called_as(files: Path, run: Run) -> None:
    assert run("generate", "mcp_types:Tool", "-o", "out").err == ""
    before = (files / "out" / "mcp_types.py").read_bytes()
    (files / "out" / "mcp_types.py").write_bytes(before + b"# changed\n")
    for program in ([Path(sys.executable).parent / "mcp-sessiongen"], [sys.executable, "-m", "mcp_sessiongen"]):
        line = [*program, "generate", "mcp_types:Tool", "-o", ".", "--force"]
        done = subprocess.run(line, cwd=files / "out", capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert (files / "out" / "mcp_types.py").read_bytes() == before


def test_a_generated_file_that_is_named_as_a_module_is_told_from_a_schema(files: Path, run: Run) -> None:
    assert run("generate", "schemas/counter.yaml", "-o", ".").err == ""
    assert (
        "= help: counter.py is generated code: name what it is generated from"
        in run("export", "counter", "-f", "ir").err
    )


def test_a_source_beside_its_module_may_begin_with_a_dash(project: Path, run: Run) -> None:
    (project / "-d").mkdir()
    (project / "-d" / "counter.yaml").write_text(YAML)
    assert run("generate", "./-d/counter.yaml", "-o", ".").err == ""
    assert "generate ./-d/counter.yaml -o ." in (project / "counter.py").read_text()


def test_a_file_with_a_colon_in_its_name_is_a_file(project: Path, run: Run) -> None:
    (project / "a:b").mkdir()
    (project / "a:b" / "counter.yaml").write_text(YAML)
    assert run("generate", "a:b/counter.yaml", "-o", "out").err == ""
    (project / "x:counter.yaml").write_text(YAML)
    assert "error[bad-name]" in run("generate", "x:counter.yaml", "-o", "out").err
