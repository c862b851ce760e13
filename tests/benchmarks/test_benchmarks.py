"""The benchmarks run; what they measure is for people to judge."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

TINY = ["--no-peers", "--rounds", "1", "--span", "0.001", "--scale", "0.002"]


def run(repository: Path, script: str, *options: str | Path) -> str:
    command = [sys.executable, repository / "benchmarks" / script, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120.0)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_stores_compete_and_their_goals_stand_first(repository: Path, tmp_path: Path) -> None:
    report = tmp_path / "results.md"
    sections = ("valkey-1", "sqlite-1", "postgres-1", "memory", "migration")
    printed = run(repository, "run.py", *sections, *TINY, "--write", report)
    assert report.read_text() == printed
    goals, *details = printed.split("\n## ")[1:]
    assert goals.startswith("Goals\n")
    for measured in (
        "Valkey, 1 task: `get_x`",
        "SQLite, 1 task: `get_x`",
        "PostgreSQL, 1 task: `set_x`",
        "memory: `get_x`",
    ):
        assert f"| {measured}" in goals
    assert [detail.partition("\n")[0] for detail in details] == [
        "Valkey, 1 task, against the raw client",
        "SQLite, 1 task",
        "PostgreSQL, 1 task",
        "Memory, 1 task",
        "Migration of 4 sessions of 1 KiB, a second",
    ]
    for name in ("redis-py, one script", "sqlite3 on a thread with a queue", "psycopg, prepared statement"):
        assert f"| {name} | not measured" not in printed
        assert f"| {name} | " in printed


def test_an_accessor_call_is_one_round_trip_and_one_statement_at_the_socket(repository: Path) -> None:
    printed = run(repository, "run.py", "wire", *TINY)
    for store in ("Valkey", "PostgreSQL"):
        assert f"| {store}: round trips and statements of any accessor call | 1 | 1 | yes |" in printed
        assert (
            f"| {store}: round trips and statements of any call that moves the expiry, too | 1 | 1 | yes |" in printed
        )
        assert (
            f"| {store}: bytes moved by `set_x` with 1 MiB of other keys against 1 KiB | 1.0 x | 1.00 x | yes |"
            in printed
        )


def test_a_peer_that_is_not_there_leaves_its_row_and_the_others_go_on(repository: Path) -> None:
    printed = run(repository, "run.py", "memory", *TINY)
    assert "| FastMCP Session | not measured: it was left out | | | | |" in printed
    assert "| memory: `get_x` of a number, of the processor | below 3 us | " in printed


def test_all_increments_of_processes_are_counted(repository: Path) -> None:
    printed = run(repository, "run.py", "increments", *TINY)
    for where in ("1 process", "4 processes"):
        assert f"| Valkey, {where}: 16 x 50 increments of one key, kept in every round | 800 | 800 | yes |" in printed
        assert f"| Valkey, {where}: 16 writers of 16 keys, kept in every round | 16 | 16 | yes |" in printed
        assert f"| Valkey, {where}: the writers of keys, time against HSET | at most 1.5 x | " in printed
    assert "| Valkey, 1 process: the writers of keys, retries | 0 | 0 | yes |" in printed


def test_the_benchmarks_of_the_compiler_run(repository: Path) -> None:
    printed = run(repository, "run.py", "generator", *TINY)
    for name in ("check, 1 schemas", "2 schemas", "one changed", "by hand", "generated", "generate", "import"):
        assert f"| {name} | " in printed


def test_the_benchmark_of_sizes_runs(repository: Path, tmp_path: Path) -> None:
    report = tmp_path / "sizes.md"
    printed = run(repository, "sizes.py", "--valkey", "300", "--files", "200", "--write", report)
    assert report.read_text() == printed
    for name in ("Valkey", "SQLite", "PostgreSQL"):
        assert printed.count(f"| {name} | ") == 2


@pytest.mark.parametrize("operation", ["get", "set", "increment"])
def test_a_contestant_that_does_not_do_what_it_says_is_found_out(repository: Path, operation: str) -> None:
    program = """
import asyncio, sys
from child import Bout, Ready, Round

async def main() -> None:
    held = {"n": 0}
    async def get(session, number): return held["n"] if sys.argv[1] != "get" else 5
    async def forget(session, number): return None
    bout = Bout(Ready({"get": get, "set": forget, "increment": forget}), Round(sys.argv[1], tasks=2, each=3))
    await bout.begin()
    assert (await bout.go())["done"] == 6
    try:
        await bout.check()
    except RuntimeError:
        print("found out")

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program, operation],
        cwd=repository / "benchmarks",
        capture_output=True,
        text=True,
        check=False,
        timeout=60.0,
    )
    assert done.stdout == "found out\n", done.stderr


def test_what_a_server_carries_and_a_cluster_shares_out_is_told(repository: Path) -> None:
    printed = run(repository, "run.py", "carried", "cluster", *TINY)
    for store in ("Valkey", "PostgreSQL"):
        assert all(f"| {store} | {tasks} | {what} | " in printed for tasks in (1, 64) for what in ("get", "set"))
    nodes = re.findall(r"^\| [123] \| ([\d,]+) \| \d+% \|$", printed, re.MULTILINE)
    assert len(nodes) == 3
    assert all(int(count.replace(",", "")) > 0 for count in nodes)
    assert "in 64 partitions, of 64 slots" in printed


def test_the_bytes_of_idle_sessions_are_told(repository: Path) -> None:
    printed = run(repository, "run.py", "sessions", *TINY)
    for kind, number in (("empty", "200"), ("one number", "2,000"), ("three keys", "200")):
        assert re.search(rf"^\| {kind} \| {number} \| \d+ \|$", printed, re.MULTILINE)
    assert "| 2,000 idle sessions of a small schema in Valkey, one number: bytes each | at most 400 B | " in printed
