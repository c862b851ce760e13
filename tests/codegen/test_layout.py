"""What is generated and exported is laid out as `ruff format` would, whatever the schema."""

import subprocess
import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from tests.codegen.strategies import IMPORTED, modules

from mcp_sessiongen import ir
from mcp_sessiongen.accessors import field_line
from mcp_sessiongen.export import export
from mcp_sessiongen.layout import Alternatives, Expression, Group, Pair
from mcp_sessiongen.python_text import Code, lit
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


def _kinds(length: int) -> list[Expression]:
    word = Code("X" * length)
    return [
        word,
        Group(Code("dict"), (Code("str"), word), "[]"),
        Group(Code("list"), (word,), "[]"),
        Alternatives((Code("int"), word)),
        Alternatives((Group(Code("list"), (Code("int"),), "[]"), word)),
        Group(Code("Annotated"), (Code("int"), Group(Code("Field"), (word,), labels=("le=",))), "[]"),
    ]


def _defaults(length: int) -> list[Expression]:
    text = lit("t" * length)
    one, several = Group(Code(""), (text,), "[]"), Group(Code(""), (text, Code("1")))
    return [
        text,
        Code("-" + "1" * length),
        *map(Code, ("[]", "()", "{}", "None")),
        one,
        several,
        Group(Code(""), (text,), is_tuple=True),
        Group(Code(""), (Pair(lit("a"), text),), "{}"),
        Group(Code("UUID"), (text,)),
        Group(Code("frozenset"), (Group(Code(""), (text,), "{}"),)),
        Group(Code("Item"), (text, Code("1")), labels=("name=", "count=")),
        Group(Group(Code("list"), (Code("int"),), "[]"), (one,)),
        Group(Group(Code("list"), (Group(Code("Literal"), (text, Code("1")), "[]"),), "[]"), (one,)),
    ]


def test_fields_are_laid_out_at_every_width_as_ruff_would(tmp_path: Path) -> None:
    lines = [
        f"    {field_line('a' * name, kind, default)}\n"
        for name in (5, 20, 64)
        for line in (name + 1, 20, 40, *range(56, 92, 2))
        if line > name
        for kind in _kinds(line - name)
        for size in (1, 9, 20, 40, 60, 75)
        for default in _defaults(size)
    ]
    assert len(lines) > 20_000
    (tmp_path / "fields.py").write_text("class A:\n" + "".join(lines))
    require_formatted(tmp_path)
