"""The benchmark of tool calls runs; what it measures is for people to judge."""

import subprocess
import sys
from pathlib import Path


def test_the_benchmark_of_tool_calls_runs(tmp_path: Path) -> None:
    report = tmp_path / "tool_calls.md"
    script = Path(__file__).resolve().parents[2] / "benchmarks" / "tool_calls.py"
    command = [sys.executable, script, "--quick", "--no-peers", "--write", report]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    assert report.read_text() == done.stdout
    for store in ("memory", "Valkey", "SQLite", "PostgreSQL"):
        assert done.stdout.count(f"| {store}, plain | ") == done.stdout.count(f"| {store}, visit | ") == 4
    for extra in ("neither", "OpenTelemetry", "encryption"):
        assert done.stdout.count(f"| {extra}, visit | ") == 2
    assert done.stdout.count(" clients, 1 connection | +") == 4  # goals
    assert "FastMCP and uvloop are not measured" in done.stdout
