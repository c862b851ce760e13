"""The distributions, built once, and an environment that has nothing but the wheel."""

import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a command outside the checkout, without what the surroundings say about Python; return what it printed."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}

    def run(*command: str | Path, cwd: Path = elsewhere) -> str:
        done = subprocess.run(
            command, cwd=cwd, env=surroundings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, f"{command} failed:\n{done.stdout}{done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def distributions(run: Run, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sdist and the wheel; the wheel is built from the sdist, which thereby proves complete."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, repository)
    return folder


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    """The only wheel."""
    [wheel] = distributions.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def sdist(distributions: Path) -> Path:
    """The only sdist."""
    [sdist] = distributions.glob("*.tar.gz")
    return sdist


@pytest.fixture(scope="session")
def clean_bin(run: Run, wheel: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment into which the wheel was installed, and nothing that it does not ask for."""
    environment = tmp_path_factory.mktemp("clean")
    venv.create(environment, symlinks=True)
    run(repository / "scripts/pip-install", environment / "bin/python", wheel)
    return environment / "bin"


@pytest.fixture(scope="session")
def project(run: Run, clean_bin: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder; its package `state` is what the installed compiler makes of the YAML schemas."""
    folder = tmp_path_factory.mktemp("project")
    schemas = sorted(repository.glob("schemas/*.yaml"))
    run(clean_bin / "mcp-sessiongen", "generate", *schemas, "-o", "state", cwd=folder)
    return folder
