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
    """Return the peers' interpreter; None, after saying why, where they cannot be installed."""
    home = REPOSITORY / "build" / "peers"
    python, stamp = home / "bin" / "python", home / "installed"
    wanted = f"{sys.version}\n{PINS.read_text()}"
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=False)
    environment = {"UV_SYSTEM_CERTS": "1", **os.environ}
    for installer in (
        ["-m", "uv", "pip", "install", "-q", "--compile-bytecode", "--python", str(python)],
        ["-m", "pip", "--python", str(python), "install", "-qq"],
    ):
        done = subprocess.run(
            [sys.executable, *installer, "-r", PINS], env=environment, capture_output=True, text=True, check=False
        )
        if not done.returncode:
            stamp.write_text(wanted)
            return python
    print(f"the peers could not be installed: {done.stderr.strip()[-500:]}", file=sys.stderr)
    return None


def versions(python: Path, *names: str) -> dict[str, str]:
    """Return the versions of packages in an environment."""
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    done = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=True)
    return dict(zip(names, done.stdout.split(), strict=True))
