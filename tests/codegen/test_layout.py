"""What is generated and exported is laid out as `ruff format` would, whatever the schema."""

import subprocess
import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from tests.codegen.strategies import IMPORTED, modules

from mcp_sessiongen import ir
from mcp_sessiongen.export import export
from mcp_sessiongen.render import render

GOLDEN = Path(__file__).parent / "golden"
HEADER_LINES = 8


def require_formatted(folder: Path) -> None:
    line = [sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache", "--target-version=py311", "--diff"]
    done = subprocess.run([*line, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_random_modules_are_formatted_as_ruff_would(tmp_path: Path) -> None:
    """The same modules in every run, since layout has many cases: all that are found differ in nothing."""
    found: list[ir.Module] = []

    @settings(
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
        max_examples=400,
    )
    @given(modules())
    def collect(module: ir.Module) -> None:
        found.append(module)

    collect()
    for number, module in enumerate(found):
        lines = render(module, "schema.yaml").splitlines(keepends=True)
        (tmp_path / f"generated_{number}.py").write_text("".join(lines[HEADER_LINES:]), encoding="utf-8")
        (tmp_path / f"exported_{number}.py").write_text(export(module, "pydantic", classes=IMPORTED), encoding="utf-8")
    require_formatted(tmp_path)


def test_golden_exports_are_formatted_as_ruff_would(tmp_path: Path) -> None:
    cases = [case for case in GOLDEN.glob("export-pydantic*") if (case / "stdout.txt").exists()]
    assert len(cases) >= 4
    for case in cases:
        _, _, text = (case / "stdout.txt").read_text().partition("\n")
        (tmp_path / f"{case.name}.py").write_text(text)
    require_formatted(tmp_path)
