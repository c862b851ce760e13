"""The environment of the peers is made once, also where not all of them can be installed."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
import environments

environments.HOME = Path(sys.argv[1], "peers")
environments.STAMP = environments.HOME / "installed.json"
environments.PINS = Path(sys.argv[1], "peers.txt")
environments.venv.create = lambda home, with_pip: home.mkdir()
asked = []

def install(python, what):
    asked.append(what)
    return not any(pin in sys.argv[2:] for pin in what)

environments._install = install
print(environments.peers() == environments.HOME / "bin" / "python", asked)
if environments.STAMP.exists():
    print(environments.missing())
"""


def made(repository: Path, folder: Path, *broken: str) -> list[str]:
    (folder / "peers.txt").write_text("# Pins.\na==1\nb==2\nc==3\n")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, folder, *broken],
        cwd=repository / "benchmarks",
        capture_output=True,
        text=True,
        check=False,
        timeout=60.0,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_all_peers_are_installed_together_and_once(repository: Path, tmp_path: Path) -> None:
    assert made(repository, tmp_path) == ["True [['a==1', 'b==2', 'c==3']]", "[]"]
    assert made(repository, tmp_path) == ["True []", "[]"]


def test_those_that_can_be_are_installed_together_and_what_is_missing_is_remembered(
    repository: Path, tmp_path: Path
) -> None:
    asked = [["a==1", "b==2", "c==3"], ["a==1"], ["b==2"], ["c==3"], ["a==1", "c==3"]]
    assert made(repository, tmp_path, "b==2") == [f"True {asked}", "['b==2']"]
    assert made(repository, tmp_path, "b==2") == ["True []", "['b==2']"]


def test_where_none_can_be_installed_there_are_no_peers(repository: Path, tmp_path: Path) -> None:
    (line,) = made(repository, tmp_path, "a==1", "b==2", "c==3")
    assert line.startswith("False ")
