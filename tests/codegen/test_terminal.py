"""What is printed does the terminal no harm, and what cannot be printed ends the command quietly."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., Any]

COUNTER = "sessiongen: 1\nsessions:\n  counter:\n    keys:\n      counter: int = 0\n"


@pytest.fixture
def counter(project: Path) -> Path:
    path = project / "counter.yaml"
    path.write_text(COUNTER)
    return path


def command(*arguments: str | bytes, **options: Any) -> "subprocess.CompletedProcess[bytes]":
    line = [sys.executable, "-m", "mcp_sessiongen", *arguments]
    return subprocess.run(line, check=False, stderr=subprocess.PIPE, **options)


def test_control_characters_of_an_old_file_are_shown_as_escapes(counter: Path, run: Run) -> None:
    run("counter.yaml", "-o", "out")
    module = counter.parent / "out" / "counter.py"
    module.write_bytes(module.read_bytes() + b"x = '\x1b]0;owned\x07\xff'\tend")
    outcome = run("diff", "counter.yaml", "-o", "out")
    assert outcome.code == 1
    assert not {"\x1b", "\x07"} & set(outcome.text)
    assert "-x = '\\x1b]0;owned\\x07\\udcff'\tend\n\\ No newline at end of file\n" in outcome.out


def test_a_folder_whose_name_is_not_utf_8_works(counter: Path) -> None:
    for action in ("generate", "check", "check"):
        done = command(action, "counter.yaml", "-o", b"o\xff\x1b", stdout=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"\x1b" not in done.stdout
    (Path(os.fsdecode(b"o\xff\x1b")) / "counter.py").unlink()
    done = command("check", "counter.yaml", "-o", b"o\xff\x1b", stdout=subprocess.PIPE)
    assert done.returncode == 1
    assert b"o\\udcff\\x1b" in done.stdout
    assert b"Traceback" not in done.stderr


def test_a_terminal_without_unicode_gets_escapes(counter: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = command("counter.yaml", "-o", "é", stdout=subprocess.PIPE, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"wrote     \\xe9/counter.py" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("action", "more"), [("generate", b"; the files are as they should be all the same"), ("check", b"")]
)
def test_output_that_cannot_be_written_is_one_line(action: str, more: bytes, counter: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = command(action, "counter.yaml", "-o", "out", stdout=full)
    assert done.returncode == 2
    assert done.stderr == b"mcp-sessiongen: cannot write the output: No space left on device" + more + b"\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_messages_that_cannot_be_written_still_give_the_exit_code(counter: Path) -> None:
    counter.write_text("nothing")
    with Path("/dev/full").open("wb") as full:
        line = [sys.executable, "-m", "mcp_sessiongen", "counter.yaml", "-o", "out"]
        assert subprocess.run(line, check=False, stdout=full, stderr=full).returncode == 2


def test_an_empty_output_folder_is_wrong_usage(counter: Path, run: Run) -> None:
    outcome = run("counter.yaml", "-o", "")
    assert outcome.code == 2
    assert "Invalid value for '-o' / '--output': it should name a folder, and is empty" in outcome.err
    assert [path.name for path in counter.parent.iterdir()] == ["counter.yaml"]


# --- what the system refuses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".yaml", ".py", ""])
def test_a_name_that_the_system_refuses_is_no_file(suffix: str, run: Run) -> None:
    outcome = run("x" * 300 + suffix, "-o", "out")
    assert outcome.code == 2
    assert "error[" in outcome.err
    assert "internal error" not in outcome.err


def test_the_longest_name_that_the_system_takes_can_be_written(project: Path, run: Run) -> None:
    (project / ("x" * 250 + ".yaml")).write_text(COUNTER)
    assert run("x" * 250 + ".yaml", "-o", "out").code == 0


def test_a_folder_that_was_deleted_is_a_diagnostic(project: Path) -> None:
    (project / "gone").mkdir()
    command = Path(sys.executable).with_name("mcp-sessiongen")
    line = ["sh", "-c", 'rmdir "$PWD" && exec "$0" a.yaml -o out', str(command)]
    done = subprocess.run(line, cwd=project / "gone", capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(".: error[file-not-found]: the current folder does not exist any more")


@pytest.mark.parametrize("name", ["__init__.py", "counter.py"])
def test_a_pipe_in_the_output_folder_is_left_alone(name: str, counter: Path, run: Run) -> None:
    (counter.parent / "out").mkdir()
    os.mkfifo(counter.parent / "out" / name)
    outcome = run("counter.yaml", "-o", "out")
    assert outcome.code == 2
    assert "error[not-ours]: what is there is not a regular file" in outcome.err


@pytest.mark.parametrize("name", ["s.yaml", "s.py"])
def test_a_pipe_is_no_source(name: str, project: Path, run: Run) -> None:
    os.mkfifo(project / name)
    outcome = run(name, "-o", "out")
    assert outcome.code == 2
    assert "error[file-not-found]: it is not a regular file" in outcome.err
    assert "error[empty-schema]" in run(".", "-o", "out").err


def test_a_link_that_leads_nowhere_is_not_replaced(counter: Path, run: Run) -> None:
    (counter.parent / "out").mkdir()
    (counter.parent / "out" / "counter.py").symlink_to("nowhere")
    assert "error[not-ours]" in run("counter.yaml", "-o", "out").err
