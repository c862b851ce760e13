"""`init`: a project that works at once, and nothing of the user's is touched."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., Any]


THREE_LINES = """
from server import ShoppingListSession, remember


async def test_remember(make_session):
    notes = await make_session(ShoppingListSession, notes=["milk"])
    assert await remember("bread", notes) == "Noted. Notes so far: 2"
"""
"""A test as the documentation shows it: async, without a mark, in a folder of its own."""


def execute(*arguments: str, folder: Path) -> str:
    line = [sys.executable, "-m", *arguments]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("form", ["yaml", "pydantic"])
def test_a_new_project_compiles_passes_its_test_and_is_clean(form: str, project: Path) -> None:
    """In an empty folder, each command as a user types it."""
    execute("mcp_sessiongen", "init", "--form", form, "--name", "shopping_list", folder=project)
    execute("mcp_sessiongen", "generate", folder=project)
    (project / "tests").mkdir()
    (project / "tests/test_three_lines.py").write_text(THREE_LINES)
    assert "2 passed" in execute("pytest", "-q", "-p", "no:cacheprovider", folder=project)
    (project / "tests/test_three_lines.py").unlink()
    assert execute("mypy", "--strict", ".", folder=project).startswith("Success")
    assert execute("mcp_sessiongen", "check", folder=project) == "2 files up to date\n"
    assert execute("mcp_sessiongen", "lint", folder=project) == "no warnings\n"
    execute("ruff", "check", "--isolated", "--select=F,D,UP,B", "--ignore=D203,D213", ".", folder=project)
    execute("ruff", "check", "--isolated", "--no-cache", ".", folder=project)  # what it finds by itself
    execute("ruff", "format", "--isolated", "--check", "--quiet", ".", folder=project)
    assert not list(project.glob("*.db"))


def test_the_settings_are_printed_if_there_is_a_pyproject_already(project: Path, run: Run) -> None:
    (project / "pyproject.toml").write_text("[project]\nname = 'mine'\n")
    outcome = run("init")
    assert outcome.code == 0
    assert '[tool.mcp-sessiongen]\nsources = ["schemas"]\noutput = "state"\n' in outcome.out
    assert '[tool.pytest.ini_options]\nanyio_mode = "auto"\n' in outcome.out
    assert (project / "pyproject.toml").read_text() == "[project]\nname = 'mine'\n"


def test_what_to_ignore_is_printed_if_there_is_a_gitignore_already(project: Path, run: Run) -> None:
    (project / ".gitignore").write_text("/mine\n")
    outcome = run("init")
    assert outcome.code == 0
    assert "There is a .gitignore already. Add to it:\n" in outcome.out
    assert "\n/sessions.db-wal\n" in outcome.out
    assert (project / ".gitignore").read_text() == "/mine\n"


def test_git_sees_what_belongs_to_the_project_and_no_sessions(project: Path, run: Run) -> None:
    run("init", "-q")
    run("generate", "-q")
    for name in ("sessions.db", "sessions.db-shm", "sessions.db-wal"):
        (project / name).touch()
    subprocess.run(["git", "init", "-q"], check=True)
    line = ["git", "ls-files", "--others", "--exclude-standard"]
    seen = subprocess.run(line, check=True, capture_output=True, text=True).stdout.split()
    assert {"server.py", "state/memory.py", "state/.mcp-sessiongen.json", ".gitignore"} <= set(seen)
    assert not [name for name in seen if "sessions.db" in name]


def test_another_folder_can_be_named(project: Path, run: Run) -> None:
    assert run("init", "a b/Cart Server!", "-q").text == ""
    assert 'name = "cart-server"' in (project / "a b" / "Cart Server!" / "pyproject.toml").read_text()


def test_a_second_project_in_the_same_folder_is_refused_as_a_whole(
    project: Path, run: Run, files_in: Callable[[Path], dict[str, str]]
) -> None:
    run("init")
    before = files_in(project)
    outcome = run("init", "--name", "other")
    assert outcome.code == 2
    assert "server.py:1:1: error[file-exists]" in outcome.err
    assert files_in(project) == before


@pytest.mark.parametrize("name", ["Bad Name", "class", "json", "list", "store", "text", "a" * 50, ""])
def test_a_name_that_cannot_be_used_is_wrong_usage(name: str, project: Path, run: Run) -> None:
    outcome = run("init", "--name", name)
    assert outcome.code == 2
    assert "Invalid value for '--name'" in outcome.err
    assert list(project.iterdir()) == []
