"""Golden cases: a folder each, with a schema and what the compiler is to make of it.

`schema.yaml` or `schema.py` is compiled (or what `command.txt` says); the result is `expected/`, or `stderr.txt` and
exit code 2, or what another command than `generate` prints and exits with: `stdout.txt`, whose first line is the code.
Files in `before/` are there already. `pytest tests/codegen --update-golden` writes the expectations.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, get_args

import pytest

from mcp_sessiongen import ir
from mcp_sessiongen.explanations import ALL_CODES
from mcp_sessiongen.render import PACKAGE
from mcp_sessiongen.type_rules import SCALARS

Run: TypeAlias = Callable[..., Any]

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())
MODULES = sorted(GOLDEN.glob("*/expected/*.py"))
HEADER_LINES = 8
SILENCE = ["# ruff: noqa: PGH004\n", "# ruff: noqa\n", "# flake8: noqa\n", "# isort: skip_file\n", "# fmt: off\n"]
PRINTING = ("check", "diff", "lint", "breaking", "export", "schema", "explain")

RULES_OFF = {
    "D203": "contradicts D211",
    "D213": "contradicts D212",
    "COM812": "contradicts the formatter",
    "CPY001": "the copyright is the user's",
    "FBT001": "a bool key has a bool value",
    "INP001": "the folder's __init__.py is not part of the case",
    "RUF012": "ruff does not know that ValueModel is a Pydantic model, which copies its defaults",
    "PLC0415": "the module of a migration imports this one, so it can be imported only when it is needed",
    "D301": "a text with control characters or three quotes has to be escaped",
    "N802": "a key of a bound model is called as its field, camelCase too",
    "N815": "a key of a bound model is called as its field, camelCase too",
    "N812": "a key named `date` hides the type, so the type has to have another name",
}


def copy_case(case: Path, project: Path) -> list[str]:
    """Copy the inputs of a case, and return the arguments to run it with."""
    for entry in case.iterdir():
        if entry.name in ("expected", "stderr.txt", "stdout.txt", "command.txt", "before"):
            continue
        (shutil.copytree if entry.is_dir() else shutil.copyfile)(entry, project / entry.name)
    if (case / "before").exists():
        shutil.copytree(case / "before", project, dirs_exist_ok=True)
    if (case / "command.txt").exists():
        return (case / "command.txt").read_text().split()
    sources = [entry.name for entry in case.iterdir() if entry.stem == "schema"]
    return ["generate", *sources, "-o", "out"]


@pytest.mark.parametrize("name", CASES)
def test_a_golden_case_gives_what_it_always_gave(
    name: str, project: Path, run: Run, files_in: Callable[[Path], dict[str, str]], update_golden: bool
) -> None:
    case = GOLDEN / name
    arguments = copy_case(case, project)
    before = files_in(project)
    outcome = run(*arguments)
    written = {path: text for path, text in files_in(project).items() if before.get(path) != text}
    modules = {Path(path).name: text for path, text in written.items() if not path.endswith(("__init__.py", ".json"))}
    message = outcome.err.replace(str(project), "PROJECT").replace(sys.version.split()[0], "3.x")
    message = message.replace(Path(sys.executable).name + " 3.x", "python 3.x")
    printed = f"exit code {outcome.code}\n{outcome.out}" if arguments[0] in PRINTING and outcome.code < 2 else ""
    if update_golden:
        record(case, modules, message if outcome.code == 2 else "", printed)
    if printed:
        assert printed == (case / "stdout.txt").read_text()
        assert written == {}
    elif (case / "stderr.txt").exists():
        assert message == (case / "stderr.txt").read_text()
        assert outcome.code == 2
        assert written == {}
    else:
        assert (outcome.code, outcome.err) == (0, "")
        assert modules == files_in(case / "expected")


def record(case: Path, modules: dict[str, str], message: str, printed: str) -> None:
    shutil.rmtree(case / "expected", ignore_errors=True)
    (case / "stderr.txt").unlink(missing_ok=True)
    (case / "stdout.txt").unlink(missing_ok=True)
    if printed:
        (case / "stdout.txt").write_text(printed)
        return
    if message:
        (case / "stderr.txt").write_text(message)
        return
    (case / "expected").mkdir()
    for name, text in modules.items():
        (case / "expected" / name).write_text(text)


def test_every_diagnostic_code_has_a_golden_case() -> None:
    shown = "\n".join(path.read_text() for path in GOLDEN.glob("*/std*.txt"))
    assert set(re.findall(r"(?:error|warning)\[([a-z0-9-]+)\]", shown)) == set(ALL_CODES)


@pytest.mark.parametrize("form", ["yaml", "py"])
def test_each_type_has_a_golden_case_in_each_form_of_a_schema(form: str, project: Path) -> None:
    schemas = [path for path in GOLDEN.glob(f"*/schema.{form}") if (path.parent / "expected").is_dir()]
    shown = ""
    for number, schema in enumerate(sorted(schemas)):
        folder = project / str(number)
        shutil.copytree(schema.parent, folder, ignore=shutil.ignore_patterns("expected", "before"))
        done = subprocess.run(
            [sys.executable, "-m", "mcp_sessiongen", "export", schema.name, "--format", "ir"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        shown += done.stdout
    kinds = {kind.__name__.lower() for kind in get_args(ir.Type)}
    assert kinds <= set(re.findall(r'"is": "(\w+)"', shown))
    assert {*SCALARS} <= set(re.findall(r'"name": "(\w+)"', shown))


def test_every_diagnostic_in_a_golden_case_has_a_position_and_a_hint() -> None:
    for path in GOLDEN.glob("*/stderr.txt"):
        text = path.read_text()
        missing = r"error\[(?:file-not-found|bad-baseline|no-baseline)\]|error\[import-failed\]: there is no "
        findings = re.findall(rf"^\S.*(?::\d+:\d+: error\[|: {missing})", text, re.MULTILINE)
        assert findings, path
        assert text.count("= help: ") == len(findings), path


def test_every_code_is_explained_in_sentences() -> None:
    assert all(text.endswith(".") and len(text) > 60 for text in ALL_CODES.values())


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.parents[1].name)
def test_a_generated_module_can_be_imported_without_a_warning(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Warnings are errors here, as with `python -W error`."""
    monkeypatch.syspath_prepend(module.parents[1])
    before = set(sys.modules)
    name = f"golden_{module.parents[1].name}_{module.stem}".replace("-", "_")
    spec = importlib.util.spec_from_file_location(name, module)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, made)
    try:
        spec.loader.exec_module(made)
    finally:
        for imported in set(sys.modules) - before - {name}:
            if str(getattr(sys.modules[imported], "__file__", "")).startswith(str(GOLDEN)):
                del sys.modules[imported]
    assert set(made.__all__) <= set(vars(made))


@pytest.fixture(scope="module")
def bare_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All golden modules without the header that keeps linters and formatters away."""
    folder = tmp_path_factory.mktemp("bare")
    for module in MODULES:
        lines = module.read_text().splitlines(keepends=True)
        assert lines[3:HEADER_LINES] == SILENCE
        name = f"{module.parents[1].name}__{module.name}".replace("-", "_")
        (folder / name).write_text("".join(lines[HEADER_LINES:]))
    return folder


def test_generated_code_is_formatted_as_ruff_would(bare_modules: Path) -> None:
    ruff("format", "--diff", bare_modules)


def test_generated_code_is_clean_by_all_rules_of_ruff(bare_modules: Path) -> None:
    ruff("check", "--select=ALL", f"--ignore={','.join(RULES_OFF)}", "--output-format=concise", bare_modules)


def test_no_rule_of_ruff_finds_anything_in_a_generated_package_as_it_is(tmp_path: Path) -> None:
    """A user's settings may be any: the header keeps all of them away."""
    for module in MODULES:
        (tmp_path / module.parts[-3] / "state").mkdir(parents=True, exist_ok=True)
        (tmp_path / module.parts[-3] / "state" / module.name).write_bytes(module.read_bytes())
        (tmp_path / module.parts[-3] / "state" / "__init__.py").write_text(PACKAGE)
    ruff("check", "--select=ALL", "--line-length=40", "--output-format=concise", tmp_path)
    ruff("format", "--line-length=40", "--diff", tmp_path)


def ruff(command: str, *arguments: str | Path) -> None:
    line = [sys.executable, "-m", "ruff", command, "--isolated", "--no-cache", "--target-version=py311", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
