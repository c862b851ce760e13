"""Five type checkers, at their strictest: they accept the right uses, and reject each wrong one and nothing else."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.codegen.strategies import modules

from mcp_sessiongen import ir
from mcp_sessiongen.render import render

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLES = ROOT / "examples"
GOLDEN = ROOT / "tests" / "codegen" / "golden"
BIN = Path(sys.executable).parent

SCHEMAS = ("order.yaml", "shop.py:Basket", "shop.py:Ticket")
"""What is compiled for `use.py` and `misuse.py`, besides the examples."""

CHECKERS: dict[str, list[str]] = {
    "mypy": [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-pretty",
        "--cache-dir",
        str(ROOT / ".mypy_cache" / "typing"),
    ],
    "pyright": [str(BIN / "pyright"), "--pythonpath", sys.executable],
    "basedpyright": [str(BIN / "basedpyright"), "--pythonpath", sys.executable, "--level", "error"],
    "ty": [str(BIN / "ty"), "check", "--python", sys.executable, "--output-format", "concise"],
    "pyrefly": [
        str(BIN / "pyrefly"),
        "check",
        "--python-interpreter-path",
        sys.executable,
        "--output-format",
        "min-text",
    ],
}

TELLS_OF_DEPRECATED: dict[str, list[str]] = {
    "mypy": ["--enable-error-code", "deprecated"],  # off, in --strict too
    "pyright": [],  # an error in strict mode
    "basedpyright": [],  # an error in strict mode
    "ty": ["--error", "deprecated"],  # a warning
    "pyrefly": ["--error", "deprecated"],  # a warning, and not shown
}
"""What makes the use of a deprecated method an error; behind it, what it is by default."""

REPEATABLE = settings(
    derandomize=True, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck), deadline=None
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project: the schemas and what they are compiled to, the user's types, and the code that uses them."""
    folder = tmp_path_factory.mktemp("project")
    for file in (*(HERE / "schemas").iterdir(), HERE / "use.py", HERE / "misuse.py", HERE / "deprecated.py"):
        if file.is_file():
            shutil.copy(file, folder)
    shutil.copytree(EXAMPLES / "state", folder / "state", ignore=shutil.ignore_patterns("*.json", "__pycache__"))
    command = [sys.executable, "-m", "mcp_sessiongen", "generate", *SCHEMAS, "-o", "state"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "pythonVersion": "3.11"}')
    return folder


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All golden modules in one project, each with the user's modules that it imports, under names of their own."""
    folder = tmp_path_factory.mktemp("golden")
    for case in sorted(path for path in GOLDEN.iterdir() if (path / "expected").is_dir()):
        label = case.name.replace("-", "_")
        stems = [path.name.removesuffix(".py") for path in case.iterdir() if path.name not in ("expected", "before")]
        for file in case.rglob("*.py"):
            text = file.read_text()
            for stem in stems:
                text = re.sub(
                    rf"^( *from|import) {re.escape(stem)}\b", rf"\1 {label}__{stem}", text, flags=re.MULTILINE
                )
            text = re.sub(r"^( *from) out\.(\w+)", rf"\1 generated__{label}__\2", text, flags=re.MULTILINE)
            inside = file.relative_to(case)
            is_generated = inside.parts[0] == "expected"
            target = folder / (f"generated__{label}__{file.name}" if is_generated else f"{label}__{inside}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "pythonVersion": "3.11"}')
    return folder


def lines_rejected(checker: str, project: Path, *arguments: str) -> tuple[set[tuple[str, int]], str]:
    """Run a checker; return (file name, line) of every error, and all that it printed."""
    done = subprocess.run(
        [*CHECKERS[checker], *arguments], cwd=project, capture_output=True, text=True, timeout=300, check=False
    )
    printed = done.stdout + done.stderr
    found = re.findall(r"([\w/]+\.py):(\d+)(?::\d+)?\S*(?: -)?:? error|ERROR \S*?([\w/]+\.py):(\d+)", printed)
    rejected = {(Path(a or c).name, int(b or d)) for a, b, c, d in found}
    if done.returncode != 0 and not rejected:
        raise AssertionError(f"{checker} failed:\n{printed}")
    return rejected, printed


def lines_marked(file: Path, mark: str) -> set[tuple[str, int]]:
    """Return (file name, line) of the lines that end in a mark."""
    return {(file.name, n) for n, line in enumerate(file.read_text().splitlines(), 1) if line.endswith(mark)}


@pytest.mark.parametrize("checker", CHECKERS)
def test_generated_code_and_its_right_use_are_accepted(checker: str, project: Path) -> None:
    rejected, printed = lines_rejected(checker, project, "use.py", "state")
    assert not rejected, printed


@pytest.mark.parametrize("checker", CHECKERS)
def test_each_wrong_use_is_rejected_and_nothing_else(checker: str, project: Path) -> None:
    marked = lines_marked(project / "misuse.py", "# reject")
    assert len(marked) >= 70
    rejected, printed = lines_rejected(checker, project, "misuse.py")
    assert rejected == marked, printed


@pytest.mark.parametrize("checker", CHECKERS)
def test_each_use_of_a_deprecated_key_is_reported_and_nothing_else(checker: str, project: Path) -> None:
    marked = lines_marked(project / "deprecated.py", "# deprecated")
    assert len(marked) == 8
    rejected, printed = lines_rejected(checker, project, *TELLS_OF_DEPRECATED[checker], "deprecated.py")
    assert rejected == marked, printed


@pytest.mark.parametrize("checker", CHECKERS)
def test_all_golden_modules_are_accepted(checker: str, golden: Path) -> None:
    generated = sorted(path.name for path in golden.glob("generated__*.py"))
    assert len(generated) >= 20
    rejected, printed = lines_rejected(checker, golden, *generated)
    in_generated = {place for place in rejected if place[0].startswith("generated__")}
    assert not in_generated, printed


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_migration_with_another_signature_is_rejected_where_it_is_loaded(checker: str, tmp_path: Path) -> None:
    case = GOLDEN / "history-functions"
    shutil.copytree(case / "expected", tmp_path / "out")
    (tmp_path / "out" / "__init__.py").touch()
    steps = (case / "steps.py").read_text()
    wrong = steps.replace("cart_v3(old: CartV2State)", "cart_v3(old: CartV1State)")
    wrong = wrong.replace("-> CartV2State:", "-> CartV3State:")
    assert wrong != steps
    (tmp_path / "steps.py").write_text(wrong)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "pythonVersion": "3.11"}')
    rejected, printed = lines_rejected(checker, tmp_path, "out")
    lines = (tmp_path / "out" / "schema.py").read_text().splitlines()
    loads = {
        ("schema.py", n) for n, line in enumerate(lines, 1) if line.startswith("    return ") and "self" not in line
    }
    assert {place for place in rejected if place[0] == "schema.py"} == loads, printed
    assert len(loads) == 2


@pytest.fixture(scope="module")
def random_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Modules of random schemas; the same in every run."""
    folder = tmp_path_factory.mktemp("random")
    found: list[ir.Module] = []

    @settings(REPEATABLE, max_examples=100)
    @given(modules())
    def collect(module: ir.Module) -> None:
        found.append(module)

    collect()
    for number, module in enumerate(found):
        (folder / f"random_{number}.py").write_text(render(module, "schema.yaml"))
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "pythonVersion": "3.11"}')
    return folder


@pytest.mark.parametrize("checker", CHECKERS)
def test_random_modules_are_accepted(checker: str, random_modules: Path) -> None:
    names = sorted(path.name for path in random_modules.glob("*.py"))
    assert len(names) >= 40
    rejected, printed = lines_rejected(checker, random_modules, *names)
    assert not rejected, printed
