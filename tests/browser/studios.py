"""Studios that run by themselves, for a browser to look at."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MODULES = ("counter", "notes", "preferences", "wizard")


@dataclass(frozen=True)
class Address:
    """Where a studio is, and the address that lets one in."""

    base: str
    entrance: str
    database: Path


@contextmanager
def studio(database: Path, *options: str) -> Iterator[Address]:
    """Run a studio on a database while the block lasts; it must end without noise."""
    log = database.with_suffix(".log")
    modules = [part for name in MODULES for part in ("--module", f"state.{name}")]
    command = [sys.executable, "-m", "mcp_sessiongen", "studio", "--store", f"sqlite:///{database.name}", "--port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *modules, *options],
            cwd=database.parent,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY / "examples")},
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    try:
        entrance = _printed(process, log)
        yield Address(entrance.partition("/?")[0], entrance, database)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, log.read_text()
        assert "rror" not in log.read_text(), log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _printed(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if "Ctrl-C" in log.read_text():
            return re.findall(r"http://\S+", log.read_text())[0]
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise AssertionError(f"the studio did not start:\n{log.read_text()}")
