"""What needs an extra says what to run where the extra is not installed: in an environment that has only the wheel."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

MODULES = {
    "redis": "import mcp_sessions.stores.redis",
    "postgres": "import mcp_sessions.stores.postgres",
    "kv": "import mcp_sessions.stores.keyvalue",
    "encryption": "import sys; sys.modules['cryptography'] = None; import mcp_sessions.stores.encrypted",
    "fastmcp": "import mcp_sessions.fastmcp",
    "testing": "import mcp_sessions.testing",
    "watch": "from mcp_sessiongen.cli import main; import sys; sys.argv[1:] = ['watch']; main()",
}
"""For each extra, what needs it. The SDK brings cryptography, so there it is taken away."""

URLS = {
    "redis://localhost": "redis",
    "rediss://localhost": "redis",
    "valkey://localhost": "redis",
    "valkeys://localhost": "redis",
    "unix:///run/valkey.sock": "redis",
    "postgresql://localhost/db": "postgres",
    "postgres://localhost/db": "postgres",
}


def last_line(python: Path, program: str, folder: Path) -> str:
    done = subprocess.run([python, "-c", program], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    return done.stderr.strip().splitlines()[-1]


def installs(said: str) -> list[str]:
    """Return what the commands install that a message names."""
    return re.findall(r"""pip install ['"]([^'"]+)['"]""", said)


def test_every_extra_is_tried(repository: Path) -> None:
    """A new extra needs a line in ``MODULES``: what is said without it."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["optional-dependencies"]) == set(MODULES)


@pytest.mark.parametrize("extra", MODULES)
def test_without_its_packages_it_names_the_extra(extra: str, clean_bin: Path, tmp_path: Path) -> None:
    said = last_line(clean_bin / "python", MODULES[extra], tmp_path)
    assert installs(said) == [f"mcp-sessiongen[{extra}]"], said


@pytest.mark.parametrize("url", URLS)
def test_a_url_whose_store_needs_an_extra_names_it(url: str, clean_bin: Path, tmp_path: Path) -> None:
    said = last_line(clean_bin / "python", f"import mcp_sessions; mcp_sessions.open_store({url!r})", tmp_path)
    assert said.startswith("mcp_sessions.errors.StoreUrlError: ")
    assert installs(said) == [f"mcp-sessiongen[{URLS[url]}]"]


def test_a_command_on_such_a_store_says_so_without_a_traceback(clean_bin: Path, project: Path) -> None:
    line = [clean_bin / "mcp-sessiongen", "migrate", "state.counter", "--store", "redis://localhost"]
    done = subprocess.run(line, cwd=project, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert installs(done.stderr) == ["mcp-sessiongen[redis]"], done.stderr


def test_what_is_to_be_installed_is_there_to_be_installed(clean_bin: Path, tmp_path: Path) -> None:
    program = "from importlib.metadata import metadata; print(*metadata('mcp-sessiongen').get_all('Provides-Extra'))"
    line = [clean_bin / "python", "-c", program]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.split()) == set(MODULES)
