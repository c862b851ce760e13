"""A run of the benchmarks goes on where something fails, and says what was not measured."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def run(repository: Path, program: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *options],
        cwd=repository / "benchmarks",
        capture_output=True,
        text=True,
        check=False,
        timeout=60.0,
    )


SECTIONS = """
import run
from report import Section

def fails(bench):
    yield Section("First", ["measured"])
    raise ValueError("a | b\\nc")

def passes(bench):
    yield Section("Last", ["measured"])

def interrupted(bench):
    yield Section("Half", ["measured"])
    raise KeyboardInterrupt

run.SECTIONS |= {"fails": fails, "passes": passes, "interrupted": interrupted}
run.main()
"""


def test_a_section_that_fails_is_told_and_the_others_go_on(repository: Path) -> None:
    done = run(repository, SECTIONS, "fails", "passes", "--no-peers")
    assert done.returncode == 0, done.stderr
    assert "| section fails | - | not measured: ValueError: a / b c | - |" in done.stdout
    assert [title.partition("\n")[0] for title in done.stdout.split("\n## ")[2:]] == ["First", "Section fails", "Last"]


def test_what_was_measured_until_an_interrupt_is_told(repository: Path) -> None:
    done = run(repository, SECTIONS, "passes", "interrupted", "fails", "--no-peers")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "interrupted"
    assert [title.partition("\n")[0] for title in done.stdout.split("\n## ")[2:]] == ["Last", "Half"]


def test_a_goal_without_its_contestant_is_not_measured_and_a_close_one_is_told(repository: Path) -> None:
    program = """
from contest import Found, Sample
from report import Section, goals_table

section = Section("")
found = Found({"ours": [Sample(1e-6, 1e-6, 0)]}, {"theirs": "it has ended"})
section.no_slower("a", found, "ours", "theirs", 1.5)
section.at_most("b", lambda: found.ratio("theirs", "ours"), 1.5)
section.below("c", found, "theirs", 3)
section.below("d", found, "ours", 1)
close = Found({"ours": [Sample(n, 1, 0) for n in (1, 2, 9)], "theirs": [Sample(2, 1, 0)] * 3})
section.no_slower("e", close, "ours", "theirs", 1.5)
section.faster("f", close, "theirs", "ours", 2)
print(*goals_table([section])[2:], sep="\\n")
"""
    *rows, last, slower, faster = run(repository, program).stdout.splitlines()
    assert len(rows) == 3
    assert all(row.endswith("| not measured: it has ended | - |") for row in rows)
    assert last.startswith("| d | below 1 us | 1.00 (1.00 to 1.00) us; on the clock 1.00 us | ")
    assert last.endswith("| **no** |")
    assert slower.endswith("| yes, within noise |")
    assert faster.endswith("| **no**, within noise |")


def test_a_team_that_fails_in_one_contest_takes_part_in_the_next(repository: Path) -> None:
    program = """
from types import SimpleNamespace
from children import AbsentError
from sections.contention import _rounds
from teams import Outcome

def play(team):
    if team.fails:
        raise AbsentError("it has failed")
    return Outcome(1.0, 1, 1.0, 0)

bench, team, missing = SimpleNamespace(rounds=2), SimpleNamespace(fails=True), {"peer": "left out"}
print(_rounds(bench, {"team": team}, missing, play))
team.fails = False
found, absent = _rounds(bench, {"team": team}, missing, play)
print(len(found["team"]), absent)
"""
    first, second = run(repository, program).stdout.splitlines()
    assert first == "({}, {'peer': 'left out', 'team': 'it has failed'})"
    assert second == "2 {'peer': 'left out'}"


@pytest.mark.parametrize("option", [("--rounds", "0"), ("--span", "-1"), ("--scale", "nan")])
def test_what_cannot_be_measured_is_refused(repository: Path, option: tuple[str, str]) -> None:
    done = run(repository, "import run; run.main()", *option)
    assert done.returncode == 2
    assert f"{option[0]} has to be above 0" in done.stderr


def test_servers_are_stopped_where_a_run_is_told_to_end(repository: Path) -> None:
    program = """
import run, time

def waits(bench):
    with bench.servers.valkey.client() as client:
        print(client.info("server")["process_id"], flush=True)
    time.sleep(30)
    yield

run.SECTIONS["waits"] = waits
run.main()
"""
    command = [sys.executable, "-c", program, "waits", "--no-peers"]
    with subprocess.Popen(command, cwd=repository / "benchmarks", stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        server = int(process.stdout.readline())
        process.terminate()
        assert process.wait(20.0) == 128 + signal.SIGTERM
    until = time.monotonic() + 10.0
    while Path(f"/proc/{server}").exists() and time.monotonic() < until:
        time.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
