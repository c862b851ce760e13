"""The environment of the peers: made in build/, once for the versions that are pinned in peers.txt."""

import json
import os
import shutil
import subprocess
import sys
import venv
from functools import cache
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
PINS: Final = Path(__file__).resolve().parent / "peers.txt"


HOME: Final = REPOSITORY / "build" / "peers"
STAMP: Final = HOME / "installed.json"


@cache
def peers() -> Path | None:
    """Return the peers' interpreter; None where there are none.

    Where they cannot all be installed, those that can be are, together; that is remembered with what is ``missing``.
    """
    python = HOME / "bin" / "python"
    wanted = [sys.version, PINS.read_text()]
    if STAMP.exists() and json.loads(STAMP.read_text())["wanted"] == wanted:
        return python
    shutil.rmtree(HOME, ignore_errors=True)
    venv.create(HOME, with_pip=False)
    pins = [line for line in PINS.read_text().splitlines() if line.strip() and not line.startswith("#")]
    there = pins
    if not _install(python, pins):
        there = [pin for pin in pins if _install(python, [pin])]
        if not there or not _install(python, there):
            return None
    STAMP.write_text(json.dumps({"wanted": wanted, "missing": [pin for pin in pins if pin not in there]}))
    return python


def missing() -> list[str]:
    """Return which of the peers could not be installed, where others could."""
    return list(json.loads(STAMP.read_text())["missing"])


def _install(python: Path, what: list[str]) -> bool:
    """Install into an environment by uv, else by pip; say so if neither can."""
    environment = {"UV_SYSTEM_CERTS": "1", **os.environ}
    for installer in (
        ["-m", "uv", "pip", "install", "-q", "--compile-bytecode", "--python", str(python)],
        ["-m", "pip", "--python", str(python), "install", "-qq"],
    ):
        command = [sys.executable, *installer, *what]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if not done.returncode:
            return True
    print(f"could not be installed: {' '.join(what)}: {done.stderr.strip()[-300:]}", file=sys.stderr)
    return False


def versions(python: Path, *names: str) -> dict[str, str]:
    """Return the versions of those packages that an environment has."""
    code = (
        "import sys; from importlib.metadata import distributions; there = {d.name.lower(): d.version for d in"
        " distributions()}; print(*(f'{name}=={there[name]}' for name in sys.argv[1:] if name in there))"
    )
    done = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=True)
    return dict(pair.split("==") for pair in done.stdout.split())
