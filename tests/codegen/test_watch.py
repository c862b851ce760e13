"""`watch`, as a real process: it compiles again after each change, and nothing that is wrong ends it."""

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

COUNTER = "sessiongen: 1\nsessions:\n  counter:\n    keys:\n      counter: int = 0\n"
PYTHON = (
    "from mcp_sessions import SessionModel\nfrom limits import LIMIT\nclass Cart(SessionModel):\n    x: int = LIMIT\n"
)
SETTINGS = '[tool.mcp-sessiongen]\nsources = ["schemas", "models.py"]\noutput = "out"\n'
PATIENCE = 60


class Watcher:
    """A running `mcp-sessiongen watch`, and the lines that it prints."""

    def __init__(self, folder: Path, *options: str, stderr: int = subprocess.STDOUT) -> None:
        line = [sys.executable, "-m", "mcp_sessiongen", "watch", *options]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
        self.process = subprocess.Popen(
            line, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self.lines.put(line.rstrip("\n"))

    def wait_for(self, text: str) -> None:
        """Wait for a line with a text in it."""
        seen = []
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                seen.append(self.lines.get(timeout=1))
            except queue.Empty:
                continue
            if text in seen[-1]:
                return
        raise AssertionError(f"{text!r} was not printed, but: {seen}")

    def stop(self) -> int:
        """Press Ctrl-C."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.reader.join(PATIENCE)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "counter.yaml").write_text(COUNTER)
    (tmp_path / "models.py").write_text(PYTHON)
    (tmp_path / "limits.py").write_text("LIMIT = 1\n")
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    return tmp_path


@pytest.fixture
def start(shop: Path) -> Iterator[Callable[..., Watcher]]:
    started: list[Watcher] = []

    def start_one(*options: str, stderr: int = subprocess.STDOUT) -> Watcher:
        started.append(Watcher(shop, *options, stderr=stderr))
        return started[-1]

    yield start_one
    for watcher in started:
        watcher.stop()


def test_whatever_changes_is_compiled_and_whatever_is_wrong_is_survived(
    shop: Path, start: Callable[..., Watcher]
) -> None:
    watcher = start()
    watcher.wait_for("watching ")
    module, models = shop / "out" / "counter.py", shop / "out" / "models.py"
    assert module.exists()

    (shop / "schemas" / "counter.yaml").write_text(COUNTER.replace("= 0", "= 7"))
    watcher.wait_for("wrote     out/counter.py")
    assert "counter: int = 7" in module.read_text()

    (shop / "limits.py").write_text("LIMIT = 42\n")  # a module that a schema imports
    watcher.wait_for("wrote     out/models.py")
    assert "x: int = 42" in models.read_text()

    (shop / "schemas" / "counter.yaml").write_text(COUNTER.replace("int", "itn"))
    watcher.wait_for("error[unknown-type]")
    watcher.wait_for("the last good output stays")
    assert "counter: int = 7" in module.read_text()

    (shop / "models.py").write_text("class\n")
    watcher.wait_for("error[import-failed]")
    (shop / "models.py").write_text(PYTHON)
    shutil.rmtree(shop / "schemas")
    watcher.wait_for("error[")
    (shop / "pyproject.toml").write_text("= nonsense")
    watcher.wait_for("error[bad-config]")

    (shop / "pyproject.toml").write_text(SETTINGS)
    (shop / "schemas").mkdir()
    (shop / "schemas" / "counter.yaml").write_text(COUNTER.replace("= 0", "= 9"))
    watcher.wait_for("wrote     out/counter.py")
    assert watcher.stop() == 0
    assert "Traceback" not in "\n".join(watcher.lines.queue)


def test_without_watchfiles_the_command_to_install_it_is_named(shop: Path) -> None:
    program = "import sys; sys.modules['watchfiles'] = None; from mcp_sessiongen.cli import main; main(['watch'])"
    done = subprocess.run([sys.executable, "-c", program], cwd=shop, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == 'watch needs watchfiles: run  pip install "mcp-sessiongen[watch]"\n'


def test_settings_that_are_missing_are_told_while_waiting(shop: Path, start: Callable[..., Watcher]) -> None:
    (shop / "pyproject.toml").unlink()
    watcher = start()
    watcher.wait_for("No schema is named")
    watcher.wait_for("watching ")
    (shop / "pyproject.toml").write_text(SETTINGS)
    watcher.wait_for("wrote     out/counter.py")
    assert watcher.stop() == 0, list(watcher.lines.queue)


def test_modules_from_outside_of_the_project_are_followed(
    shop: Path, tmp_path_factory: pytest.TempPathFactory, start: Callable[..., Watcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They lie where Python looks: in PYTHONPATH, or in the sources of a package in development."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "limits.py").write_text("LIMIT = 1\n")
    (shop / "limits.py").unlink()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(elsewhere), os.environ.get("PYTHONPATH", "")]))
    watcher = start()
    watcher.wait_for(str(elsewhere))
    (elsewhere / "limits.py").write_text("LIMIT = 42\n")
    watcher.wait_for("wrote     out/models.py")
    assert "x: int = 42" in (shop / "out" / "models.py").read_text()


def test_a_source_that_the_settings_begin_to_name_is_watched(
    shop: Path, tmp_path_factory: pytest.TempPathFactory, start: Callable[..., Watcher]
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "other.yaml"
    elsewhere.write_text(COUNTER)
    watcher = start()
    watcher.wait_for("watching ")
    (shop / "pyproject.toml").write_text(SETTINGS.replace('"schemas"', f'"schemas", "{elsewhere}"'))
    watcher.wait_for("wrote     out/other.py")
    watcher.wait_for(str(elsewhere.parent))
    elsewhere.write_text(COUNTER.replace("= 0", "= 7"))
    watcher.wait_for("wrote     out/other.py")


def test_machines_find_each_round_of_findings_on_stdout(shop: Path, start: Callable[..., Watcher]) -> None:
    (shop / "schemas" / "counter.yaml").write_text(COUNTER.replace("int", "itn"))
    watcher = start("--error-format", "json", stderr=subprocess.DEVNULL)
    watcher.wait_for("[")
    watcher.wait_for('"code": "unknown-type"')
    watcher.wait_for("]")
    (shop / "schemas" / "counter.yaml").write_text(COUNTER)
    watcher.wait_for("[]")
