"""An import that never ends is ended, with a diagnostic, whatever the module does about it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from mcp_sessiongen.load import watchdog

Run: TypeAlias = Callable[..., Any]

SCHEMA = "from mcp_sessions import SessionModel\nclass Cart(SessionModel):\n    visits: int = 0\n"


def test_an_import_that_waits_for_ever_is_a_diagnostic(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The position is the user's own line, not that of what it waits in."""
    monkeypatch.setenv(watchdog.VARIABLE, "0.3")
    (project / "schema.py").write_text(f"{SCHEMA}import threading\nthreading.Event().wait()\n")
    before = signal.getsignal(signal.SIGALRM)
    outcome = run("schema.py", "-o", "out")
    assert outcome.code == 2
    assert "schema.py:5:1: error[import-failed]: the module was still being imported after 0.3 seconds" in outcome.err
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_import_that_is_done_in_time_is_left_alone(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(watchdog.VARIABLE, "20")
    (project / "schema.py").write_text(SCHEMA)
    assert run("schema.py", "-o", "out").code == 0


@pytest.mark.parametrize(("value", "seconds"), [("", 30), ("5", 5), ("no", 30), ("-1", 30), ("nan", 30), ("1e99", 30)])
def test_the_time_is_what_the_environment_says_if_that_is_a_time(
    value: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(watchdog.VARIABLE, value)
    assert watchdog.allowed_seconds() == seconds


def test_a_module_that_catches_everything_ends_the_process(project: Path) -> None:
    """There is nothing that could be raised through it."""
    (project / "schema.py").write_text(
        "import time\nwhile True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass\n"
    )
    command = [sys.executable, "-m", "mcp_sessiongen", "generate", "schema.py", "-o", "out"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, watchdog.VARIABLE: "0.3"}
    )
    assert done.returncode == 2
    assert "schema.py:1:1: error[import-failed]" in done.stderr
    assert "Traceback" not in done.stderr


def test_outside_of_the_main_thread_the_process_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(watchdog.VARIABLE, "0.1")
    codes: list[int] = []
    ended, told = threading.Event(), threading.Event()

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    monkeypatch.setattr(os, "_exit", end)

    def wait() -> None:
        with watchdog.limited(told.set):
            ended.wait(10)

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    assert (codes, told.is_set()) == ([2], True)
