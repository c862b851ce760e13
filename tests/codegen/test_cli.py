"""The command line: what it prints, writes and exits with."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import mcp_sessiongen

Run: TypeAlias = Callable[..., Any]

COUNTER = "sessiongen: 1\nsessions:\n  counter:\n    keys:\n      counter: int = 0\n"


@pytest.fixture
def counter(project: Path) -> Path:
    path = project / "counter.yaml"
    path.write_text(COUNTER)
    return path


def test_generate_names_each_file_and_counts_them(counter: Path, run: Run) -> None:
    outcome = run("generate", "counter.yaml", "-o", "app/sessions")
    assert outcome.out.splitlines() == [
        "wrote     app/sessions/__init__.py",
        "wrote     app/sessions/counter.py",
        "2 files written, 0 unchanged",
    ]


def test_generate_may_be_left_out(counter: Path, run: Run) -> None:
    assert run("counter.yaml", "-o", "a").code == 0
    assert run("-o", "b", "counter.yaml").code == 0
    assert run("generate", "counter.yaml", "-o", "c").code == 0
    texts = {(counter.parent / name / "counter.py").read_text() for name in "abc"}
    assert len(texts) == 1


def test_a_mistyped_command_is_no_schema(counter: Path, run: Run) -> None:
    outcome = run("chek", "counter.yaml", "-o", "out")
    assert outcome.code == 2
    assert "Did you mean 'check'?" in outcome.err


def test_what_is_up_to_date_is_not_touched(counter: Path, run: Run) -> None:
    run("counter.yaml", "-o", "out")
    module = counter.parent / "out" / "counter.py"
    os.utime(module, (1, 1))
    outcome = run("counter.yaml", "-o", "out")
    assert outcome.out.endswith("0 files written, 2 unchanged\n")
    assert module.stat().st_mtime == 1


def test_a_package_file_of_the_user_s_is_left_alone(counter: Path, run: Run) -> None:
    package = counter.parent / "out" / "__init__.py"
    package.parent.mkdir()
    package.write_text("MINE = 1\n")
    assert run("counter.yaml", "-o", "out").code == 0
    assert run("check", "counter.yaml", "-o", "out").code == 0
    assert package.read_text() == "MINE = 1\n"


def test_quiet_prints_nothing_when_all_is_well(counter: Path, run: Run) -> None:
    assert run("counter.yaml", "-o", "out", "-q").text == ""
    assert run("check", "counter.yaml", "-o", "out", "--quiet").text == ""


def test_check_says_in_one_line_that_all_is_fresh(counter: Path, run: Run) -> None:
    run("counter.yaml", "-o", "out")
    outcome = run("check", "counter.yaml", "-o", "out")
    assert (outcome.code, outcome.text) == (0, "2 files up to date\n")


def test_check_names_what_is_stale_and_the_command_to_run(counter: Path, run: Run) -> None:
    run("counter.yaml", "-o", "out")
    counter.write_text(COUNTER.replace("= 0", "= 7"))
    before = (counter.parent / "out" / "counter.py").read_text()
    outcome = run("check", "counter.yaml", "-o", "out")
    assert outcome.code == 1
    assert outcome.out == (
        "out/counter.py:1:1: error[stale-file]: the generated module is not what its schema gives now\n"
    )
    assert outcome.err == "1 file of 2 not up to date; run:\n  mcp-sessiongen generate counter.yaml -o out\n"
    assert (counter.parent / "out" / "counter.py").read_text() == before


@pytest.mark.parametrize("command", [["check", "--diff"], ["diff"]])
def test_the_difference_can_be_seen(command: list[str], counter: Path, run: Run) -> None:
    run("counter.yaml", "-o", "out")
    counter.write_text(COUNTER.replace("= 0", "= 7"))
    outcome = run(*command, "counter.yaml", "-o", "out")
    assert outcome.code == 1
    assert "--- out/counter.py\n+++ out/counter.py\n" in outcome.out
    assert "\n-    counter: int = 0\n+    counter: int = 7\n" in outcome.out


def test_check_of_files_that_do_not_exist_writes_nothing(counter: Path, run: Run) -> None:
    outcome = run("diff", "counter.yaml", "-o", "out")
    assert outcome.code == 1
    assert "--- /dev/null\n+++ out/counter.py\n" in outcome.out
    assert not (counter.parent / "out").exists()


def test_check_tells_a_wrong_schema_from_a_stale_file(counter: Path, run: Run) -> None:
    counter.write_text(COUNTER.replace("int", "itn"))
    outcome = run("check", "counter.yaml", "-o", "out")
    assert outcome.code == 2
    assert outcome.err.endswith("= help: did you mean 'int'?\n1 error; nothing was checked\n")


def test_a_folder_stands_for_its_yaml_files(counter: Path, run: Run) -> None:
    (counter.parent / "other.yml").write_text(COUNTER.replace("counter:", "other:", 1))
    (counter.parent / "ignored.py").write_text("raise RuntimeError\n")
    outcome = run(".", "-o", "out")
    assert [line.split()[-1] for line in outcome.out.splitlines()[:3]] == [
        "out/__init__.py",
        "out/counter.py",
        "out/other.py",
    ]


def test_a_wrong_source_keeps_the_others_from_being_written(counter: Path, run: Run) -> None:
    (counter.parent / "wrong.yaml").write_text(COUNTER.replace("int", "itn"))
    assert run("counter.yaml", "wrong.yaml", "-o", "out").code == 2
    assert not (counter.parent / "out").exists()


def test_modules_and_single_classes_can_be_named(project: Path, run: Run) -> None:
    package = project / "src" / "shop"
    package.mkdir(parents=True)
    (project / "pyproject.toml").write_text("")
    (package / "__init__.py").write_text("")
    (package / "models.py").write_text(
        "from pydantic import BaseModel\nfrom mcp_sessions import SessionModel\n"
        "class Cart(SessionModel):\n    items: list[str] = []\n"
        "class Plain(BaseModel):\n    size: int = 1\n"
    )
    assert run("shop.models", "-o", "all").code == 0
    assert run("shop.models:Plain", "-o", "one").code == 0
    assert run("src/shop/models.py:Cart", "-o", "file").code == 0
    everything, one = ((project / name / "models.py").read_text() for name in ("all", "one"))
    assert "class CartSession(" in everything
    assert "PlainSession" not in everything
    assert "mcp-sessiongen generate ../src/shop/models.py:Plain -o ." in one
    assert "class PlainSession(" in one
    assert "generate ../src/shop/models.py:Cart -o ." in (project / "file" / "models.py").read_text()
    assert not list(project.rglob("__pycache__"))


def test_what_a_module_prints_stays_out_of_our_output(project: Path, run: Run) -> None:
    (project / "loud.py").write_text(
        "print('noise')\nfrom mcp_sessions import SessionModel\nclass A(SessionModel):\n    x: int = 1\n"
    )
    assert "noise" not in run("loud.py", "-o", "out").text


def test_an_internal_error_is_one_line_and_asks_for_a_report(
    counter: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_sessiongen.pipeline.render", lambda *_: 1 / 0)
    outcome = run("counter.yaml", "-o", "out")
    assert outcome.code == 2
    assert "internal error: ZeroDivisionError: division by zero" in outcome.err
    assert "please report it" in outcome.err
    assert "Traceback" not in outcome.err
    monkeypatch.setenv("MCP_SESSIONGEN_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run("counter.yaml", "-o", "out")


@pytest.mark.parametrize("arguments", [["generate"], ["generate", "x.yaml"], ["check", "-o", "out"], ["--nonsense"]])
def test_wrong_usage_exits_with_2(arguments: list[str], run: Run) -> None:
    outcome = run(*arguments)
    assert outcome.code == 2
    assert "Usage: mcp-sessiongen" in outcome.err


def test_help_has_examples_and_exit_codes(run: Run) -> None:
    text = run("--help").out
    assert "mcp-sessiongen generate schemas/counter.yaml -o app/sessions" in text
    assert "Exit codes:" in text


def test_the_version_is_that_of_the_distribution(run: Run) -> None:
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert mcp_sessiongen.__version__ == pyproject["project"]["version"]
    assert run("--version").out == f"mcp-sessiongen, version {mcp_sessiongen.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "kept_out"),
    [
        (["--version"], {"mcp", "mcp_sessions", "pydantic", "jinja2", "yaml"}),
        (["--help"], {"mcp", "mcp_sessions", "pydantic", "jinja2", "yaml"}),
        (["check", "counter.yaml", "-o", "out"], {"mcp", "mcp_sessions"}),
    ],
)
def test_a_command_imports_no_more_than_it_needs(arguments: list[str], kept_out: set[str], counter: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "mcp_sessiongen", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=counter.parent)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in lines}
    assert "click" in imported
    assert imported & kept_out == set()
