"""The benchmarks run; what they measure is for people to judge."""

import subprocess
import sys
from pathlib import Path


def test_the_benchmarks_of_the_compiler_run(repository: Path, tmp_path: Path) -> None:
    report = tmp_path / "results.md"
    script = repository / "benchmarks" / "generator.py"
    sizes = ["--schemas", "2", "--keys", "3", "--rounds", "1", "--no-peer", "--no-checkers"]
    command = [sys.executable, script, *sizes, "--write", report]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert report.read_text() == done.stdout
    assert done.stdout.count("\n## ") == 5
    for name in ("check, 1 schemas", "2 schemas", "one changed", "by hand", "generated", "generate", "import"):
        assert f"| {name} | " in done.stdout


def test_the_benchmark_of_sizes_runs(repository: Path, tmp_path: Path) -> None:
    report = tmp_path / "sizes.md"
    script = repository / "benchmarks" / "sizes.py"
    command = [sys.executable, script, "--valkey", "300", "--files", "200", "--write", report]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert report.read_text() == done.stdout
    for name in ("Valkey", "SQLite", "PostgreSQL"):
        assert done.stdout.count(f"| {name} | ") == 2
