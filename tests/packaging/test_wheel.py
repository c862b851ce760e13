"""The distributions as a user gets them: built, looked into, installed and used away from the checkout."""

import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., str]

# Programs that end by naming the top-level modules they have loaded, on the last line.
LOADED = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
IMPORT = f"import mcp_sessions; {LOADED}"
VERSION = f"""
import runpy, sys
sys.argv[1:] = ["--version"]
try:
    runpy.run_module("mcp_sessiongen", run_name="__main__")
except SystemExit:
    {LOADED}
"""

USE = """
import asyncio

from state.counter import CounterSession

from mcp_sessions import open_store


async def main() -> None:
    store = open_store("memory://")
    session = await CounterSession.create(store)
    await session.set_counter(40)
    print(await session.increment_counter(2))
    await store.aclose()


asyncio.run(main())
"""

TEST = """
import pytest

from state.counter import CounterSession


@pytest.mark.anyio
async def test_counter(make_session):
    assert await (await make_session(CounterSession, counter=40)).increment_counter(2) == 42
"""


def sources(top: Path, *folders: str) -> set[str]:
    """The files of some folders of the checkout, without what Python leaves there."""
    found = (path for folder in folders for path in (top / folder).rglob("*") if path.is_file())
    return {path.relative_to(top).as_posix() for path in found if path.suffix != ".pyc"}


def test_the_wheel_holds_both_packages_whole_and_nothing_else(wheel: Path, repository: Path) -> None:
    """Templates and typing markers are in it; tests, schemas and examples are not."""
    names = zipfile.ZipFile(wheel).namelist()
    code = {name for name in names if ".dist-info/" not in name}
    expected = {name.partition("/")[2] for name in sources(repository, "codegen", "runtime")}
    assert code == expected
    assert {"mcp_sessiongen/py.typed", "mcp_sessions/py.typed", "_mcp_sessions_pytestplugin.py"} <= code
    assert any(name.startswith("mcp_sessiongen/templates/") for name in code)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_sdist_holds_what_a_packager_needs(sdist: Path, repository: Path) -> None:
    """From the sdist alone one can build, test and read."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = sources(repository, "codegen", "runtime", "schemas", "examples", "tests", "docs", "website", "scripts")
    needed |= sources(repository, "skills", ".ci", ".github")
    ignored = (".db", ".db-wal", ".db-shm")
    tops = {
        ".pre-commit-hooks.yaml",
        "llms.txt",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Makefile",
        "constraints.txt",
    }
    assert {name for name in needed if not name.endswith(ignored)} | tops <= names


def test_the_installed_command_tells_its_version(run: Run, clean_bin: Path, repository: Path) -> None:
    """It is the version of the distribution, not one written elsewhere."""
    version = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert run(clean_bin / "mcp-sessiongen", "--version").split()[-1] == version


def test_the_installed_compiler_finds_its_templates(project: Path, repository: Path) -> None:
    """Every example schema gives a module."""
    schemas = {path.stem for path in repository.glob("schemas/*.yaml")}
    assert schemas
    assert schemas <= {path.stem for path in project.glob("state/*.py")}


def test_generated_code_runs_on_the_installed_runtime(run: Run, clean_bin: Path, project: Path) -> None:
    """A value set through a generated accessor is read back, warnings being errors."""
    (project / "use.py").write_text(USE, encoding="utf-8")
    assert run(clean_bin / "python", "-W", "error", "use.py", cwd=project) == "42\n"


def test_a_users_type_checker_sees_the_installed_types(run: Run, clean_bin: Path, project: Path) -> None:
    """Thanks to py.typed, mypy knows the runtime's types: a right use passes and a wrong one does not."""
    mypy = (sys.executable, "-m", "mypy", "--strict", "--python-executable", clean_bin / "python")
    (project / "right.py").write_text(USE, encoding="utf-8")
    run(*mypy, "right.py", cwd=project)
    (project / "wrong.py").write_text(USE.replace("set_counter(40)", "set_counter('40')"), encoding="utf-8")
    with pytest.raises(AssertionError, match=r'wrong\.py:\d+: error: .* has incompatible type "str"'):
        run(*mypy, "wrong.py", cwd=project)


def test_the_runtime_loads_neither_the_sdk_nor_the_compiler(run: Run, clean_bin: Path) -> None:
    """`import mcp_sessions` is quick, and works where the compiler's libraries are not used."""
    loaded = set(run(clean_bin / "python", "-W", "error", "-c", IMPORT).split())
    assert "mcp_sessions" in loaded
    assert loaded.isdisjoint({"mcp", "jinja2", "click", "yaml", "mcp_sessiongen"})


def test_the_command_starts_without_what_only_some_subcommands_need(run: Run, clean_bin: Path) -> None:
    """`--version` loads neither the SDK, nor the runtime, nor templates, nor pydantic."""
    loaded = set(run(clean_bin / "python", "-W", "error", "-c", VERSION).splitlines()[-1].split())
    assert "mcp_sessiongen" in loaded
    assert loaded.isdisjoint({"mcp", "mcp_sessions", "jinja2", "pydantic", "yaml"})


def test_the_fixtures_say_what_they_need_and_are_there_when_it_is(
    run: Run, clean_bin: Path, wheel: Path, project: Path, repository: Path, tmp_path: Path
) -> None:
    """Without pytest there is advice; with the extra that it names, pytest finds the plugin by itself."""
    advice = "mcp_sessions.testing needs pytest: pip install 'mcp-sessiongen\\[testing\\]'"
    with pytest.raises(AssertionError, match=advice):
        run(clean_bin / "python", "-c", "import mcp_sessions.testing")
    venv.create(tmp_path / "env", symlinks=True)
    run(repository / "scripts/pip-install", tmp_path / "env/bin/python", f"{wheel}[testing]")
    (project / "test_counter.py").write_text(TEST, encoding="utf-8")
    command = (tmp_path / "env/bin/python", "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "test_counter.py")
    assert "1 passed" in run(*command, cwd=project)
    run(tmp_path / "env/bin/python", "-W", "error", "-c", "import mcp_sessions.testing.strategies")
