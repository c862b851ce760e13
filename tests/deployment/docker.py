"""Stands in for docker where there is none: does in the processes of a test what a script tells the containers.

``compose exec -T proxy sh -c COMMAND`` is carried out with the names that STAND_INS has. For ``compose up ... SERVICE``
a file ``up-SERVICE`` appears in the folder STAND_IN, and the test answers with a file ``is-up-SERVICE``.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    _, compose, *words = sys.argv
    folder = Path(os.environ["STAND_IN"])
    if (compose, *words[:-1]) == ("compose", "exec", "-T", "proxy", "sh", "-c"):
        command = words[-1]
        for name, stand_in in json.loads(os.environ["STAND_INS"]).items():
            command = command.replace(name, stand_in)
        return subprocess.run(["sh", "-c", command], check=False, timeout=30).returncode
    if (compose, words[0]) == ("compose", "up"):
        (folder / f"up-{words[-1]}").touch()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if (folder / f"is-up-{words[-1]}").exists():
                return 0
            time.sleep(0.02)
    return 1


if __name__ == "__main__":
    sys.exit(main())
