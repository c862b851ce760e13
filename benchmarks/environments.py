"""The environment of the peers: made in build/, once for the versions that are pinned in peers.txt."""

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


@cache
def peers() -> Path | None:
    """Return the peers' interpreter; None where there are none.

    Where they cannot be installed together, as many are as can be: the rows of the others say that they are missing.
    """
    home = REPOSITORY / "build" / "peers"
    python, stamp = home / "bin" / "python", home / "installed"
    wanted = f"{sys.version}\n{PINS.read_text()}"
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=False)
    if _install(python, ["-r", str(PINS)]):
        stamp.write_text(wanted)
        return python
    lines = (line.strip() for line in PINS.read_text().splitlines())
    installed = [_install(python, [line]) for line in lines if line and not line.startswith("#")]
    return python if any(installed) else None


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
