"""What all commands share: formats of findings, exit codes, completion, and calm in the face of odd surroundings."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml

from mcp_sessiongen.commands import COMMANDS
from mcp_sessiongen.diagnostics import Diagnostic, Source
from mcp_sessiongen.reporting import as_github, as_json
from mcp_sessiongen.terminal import progress

Run: TypeAlias = Callable[..., Any]

ROOT = Path(__file__).parents[2]
COUNTER = "sessiongen: 1\nsessions:\n  counter:\n    keys:\n      counter: int = 0\n"


@pytest.fixture
def counter(project: Path) -> Path:
    path = project / "counter.yaml"
    path.write_text(COUNTER)
    return path


def command(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "mcp_sessiongen", *arguments]
    return subprocess.run(line, check=False, capture_output=True, text=True, **options)


# --- findings for machines -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["generate", "check", "diff"])
def test_findings_as_json_are_one_array_on_stdout(name: str, counter: Path, run: Run) -> None:
    counter.write_text(COUNTER.replace("int", "itn"))
    outcome = run(name, "counter.yaml", "-o", "out", "--error-format", "json")
    assert outcome.code == 2
    (found,) = json.loads(outcome.out)
    assert found == {
        "path": "counter.yaml",
        "line": 5,
        "column": 16,
        "end_column": 19,
        "severity": "error",
        "code": "unknown-type",
        "message": found["message"],
        "hint": "did you mean 'int'?",
    }
    counter.write_text(COUNTER)
    assert run("generate", "counter.yaml", "-o", "out").code == 0
    outcome = run(name, "counter.yaml", "-o", "out", "--error-format", "json")
    assert (outcome.code, json.loads(outcome.out)) == (0, [])


def test_stale_files_are_findings_too(counter: Path, run: Run) -> None:
    outcome = run("check", "counter.yaml", "-o", "out", "--error-format", "json")
    assert outcome.code == 1
    found = json.loads(outcome.out)
    assert [(one["path"], one["code"]) for one in found] == [
        ("out/__init__.py", "missing-file"),
        ("out/counter.py", "missing-file"),
    ]
    assert found[0]["hint"] == "run  mcp-sessiongen generate counter.yaml -o out"


def test_nothing_can_break_out_of_an_annotation() -> None:
    """Percent signs, line breaks, commas and colons are those of GitHub's own escaping."""
    span = Source("a,b:c%.yaml", "x").span()
    text = as_github(Diagnostic(span, "bad-name", "100%\n::error::x, y: z\r", "hint\n::stop"))
    assert text.splitlines() == [text]
    assert text.startswith("::error file=a%2Cb%3Ac%25.yaml,line=1,col=1,endColumn=2,title=bad-name::100%25")
    path = json.loads(as_json([Diagnostic(Source("\x1b").span(), "bad-name", "\x1b")]))[0]["path"]
    assert path == "\\x1b"


def test_a_line_break_in_a_path_stays_in_its_annotation() -> None:
    assert as_github(Diagnostic(Source("a\nb\r").span(), "bad-name", "x")).splitlines()[1:] == []


# --- exit codes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["generate", "counter.yaml", "-o", "out"], 0),
        (["check", "counter.yaml", "-o", "out"], 1),
        (["diff", "counter.yaml", "-o", "out"], 1),
        (["lint", "counter.yaml"], 1),
        (["lint", "counter.yaml", "--ignore", "lint-session-doc"], 0),
        (["breaking", "counter.yaml", "--write"], 0),
        (["breaking", "counter.yaml"], 2),
        (["breaking", "counter.yaml", "--against", "old"], 1),
        (["export", "counter.yaml", "--format", "ir"], 0),
        (["schema"], 0),
        (["explain"], 0),
        (["init", "new"], 0),
        (["generate", "missing.yaml", "-o", "out"], 2),
        (["check", "missing.yaml", "-o", "out"], 2),
        (["diff", "missing.yaml", "-o", "out"], 2),
        (["lint", "missing.yaml"], 2),
        (["export", "missing.yaml", "--format", "ir"], 2),
        (["schema", "-o", "missing/x.json"], 2),
        (["explain", "nonsense"], 2),
        (["init", "counter.yaml"], 2),
        (["watch", "--nonsense"], 2),
    ],
)
def test_exit_codes_are_0_fine_1_findings_2_wrong(arguments: list[str], code: int, counter: Path, run: Run) -> None:
    (counter.parent / "old").mkdir()
    (counter.parent / "old/counter.yaml").write_text(COUNTER + "      more: int\n")
    assert run(*arguments).code == code


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, run: Run) -> None:
    outcome = run(name, "--help")
    assert outcome.code == 0
    assert f"Usage: mcp-sessiongen {name}" in outcome.out
    assert name in run("--help").out


def test_a_file_that_cannot_be_written_is_called_as_the_user_called_it(counter: Path, run: Run) -> None:
    for arguments in (("schema",), ("export", "counter.yaml", "--format", "ir")):
        outcome = run(*arguments, "-o", "nowhere/x.json")
        assert outcome.code == 2
        assert outcome.err.startswith("nowhere/x.json:1:1: error[write-failed]")


def test_the_schema_can_be_written_to_a_file(project: Path, run: Run) -> None:
    assert run("schema", "-o", "schema.json").text == ""
    assert (project / "schema.json").read_text() == run("schema").out
    assert json.loads(run("schema").out)["$schema"]


# --- surroundings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell: str) -> None:
    environment = {**os.environ, "_MCP_SESSIONGEN_COMPLETE": f"{shell}_source"}
    line = [sys.executable, "-c", "from mcp_sessiongen.cli import main; main(prog_name='mcp-sessiongen')"]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "_MCP_SESSIONGEN_COMPLETE" in done.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("mcp-sessiongen ex", ["plain,export", "plain,explain"]),
        (
            "mcp-sessiongen explain lint-se",
            ["plain,lint-secret", "plain,lint-secret-parameter", "plain,lint-session-doc"],
        ),
        ("mcp-sessiongen lint --select lint-tt", ["plain,lint-ttl"]),
        ("mcp-sessiongen breaking --select da", ["plain,data"]),
        ("mcp-sessiongen breaking --ignore data,to", ["plain,data,tools"]),
        ("mcp-sessiongen check --error-format g", ["plain,github"]),
        ("mcp-sessiongen export x.yaml --format json", ["plain,json-schema"]),
    ],
)
def test_completion_knows_commands_codes_and_formats(words: str, expected: list[str]) -> None:
    count = str(len(words.split()) - 1)
    variables = {"_MCP_SESSIONGEN_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": count}
    line = [sys.executable, "-c", "from mcp_sessiongen.cli import main; main(prog_name='mcp-sessiongen')"]
    done = subprocess.run(line, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == expected


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["explain"], ["schema"], ["diff", "c.yaml", "-oo"]])
def test_output_that_cannot_be_written_never_gives_a_traceback(arguments: list[str], project: Path) -> None:
    (project / "c.yaml").write_text(COUNTER)
    with Path("/dev/full").open("wb") as full:
        line = [sys.executable, "-m", "mcp_sessiongen", *arguments]
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "mcp-sessiongen: cannot write the output: No space left on device\n"


@pytest.mark.parametrize("arguments", ["explain", "schema", "--help"])
def test_a_reader_that_goes_away_is_no_news(arguments: str) -> None:
    program = f"{sys.executable} -m mcp_sessiongen {arguments} | true"
    done = subprocess.run(["sh", "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_ctrl_c_is_one_word_and_130(project: Path) -> None:
    (project / "slow.py").write_text("import pathlib, time\npathlib.Path('started').touch()\ntime.sleep(60)\n")
    line = [sys.executable, "-m", "mcp_sessiongen", "generate", "slow.py", "-o", "out"]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not (project / "started").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert errors == "interrupted\n"


@pytest.mark.parametrize(
    "arguments", ["generate", "check", "diff", "lint", "breaking", "init", "watch", "export a.yaml -f ir"]
)
def test_a_folder_that_was_deleted_is_a_diagnostic(arguments: str, project: Path) -> None:
    (project / "gone").mkdir()
    program = f'rmdir "$PWD" && exec {sys.executable} -P -m mcp_sessiongen {arguments}'
    done = subprocess.run(["sh", "-c", program], cwd=project / "gone", capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(".: error[file-not-found]: the current folder does not exist any more")


def test_on_a_terminal_it_shows_what_it_does_once_it_takes_long(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    clock = iter([0.0, 0.1, 0.9, 1.0])
    monkeypatch.setattr("mcp_sessiongen.terminal.time.monotonic", lambda: next(clock))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("mcp_sessiongen.terminal.say", lambda text, **_: shown.append(text))
    with progress("compiling", quiet=False) as step:
        step("a.yaml")
        step("long\x1b.yaml")
        step("c.yaml")
    assert shown == ["\rcompiling long\\x1b.yaml", "\rcompiling c.yaml       ", "\r                \r"]


def test_another_locale_changes_nothing(project: Path) -> None:
    (project / "é.d").mkdir()
    (project / "é.d" / "counter.yaml").write_text(COUNTER.replace("int", "itn"))
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = command("check", "é.d", "-o", "out", env=environment)
    assert done.returncode == 2
    assert "error[unknown-type]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(
    os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_a_folder_that_cannot_be_written_to_is_a_finding(counter: Path, run: Run) -> None:
    (counter.parent / "out").mkdir(mode=0o500)
    assert "error[write-failed]" in run("counter.yaml", "-o", "out/deep").err


def test_the_hooks_for_pre_commit_run(counter: Path) -> None:
    """Each hook's entry is a command that exists, and what it does by settings alone is right."""
    (counter.parent / "pyproject.toml").write_text('[tool.mcp-sessiongen]\nsources = ["."]\noutput = "out"\n')
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert set(hooks) == {f"mcp-sessiongen-{name}" for name in ("check", "generate", "lint", "breaking")}
    assert all(hook["language"] == "python" and not hook["pass_filenames"] for hook in hooks.values())
    codes = [
        command(*hooks[f"mcp-sessiongen-{name}"]["entry"].split()[1:]).returncode
        for name in ("check", "generate", "check")
    ]
    assert codes == [1, 0, 0]
