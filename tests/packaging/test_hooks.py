"""The hooks for pre-commit, run by pre-commit in a project of a user, as docs/command-line.md says."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
NEEDED = ("codegen", "runtime", ".pre-commit-hooks.yaml", "LICENSE", "README.md", "pyproject.toml")

Hook = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def released(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a release of this project."""
    folder = tmp_path_factory.mktemp("released")
    for name in NEEDED:
        if (repository / name).is_dir():
            shutil.copytree(repository / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(repository / name, folder)
    begin(folder, "tag", "v0.1.0")
    return folder


@pytest.fixture(scope="module")
def project(released: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that init began, with the configuration that the page shows."""
    folder = tmp_path_factory.mktemp("hooked")
    page = (repository / "docs/command-line.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"^```yaml\n(repos:\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
    config = re.sub(r"https://\S+", str(released), shown)
    (folder / ".pre-commit-config.yaml").write_text(config + "      - id: mcp-sessiongen-generate\n")
    for command in (["init", "-q"], ["generate", "-q"]):
        subprocess.run([sys.executable, "-m", "mcp_sessiongen", *command], cwd=folder, check=True, timeout=120)
    begin(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    return folder


@pytest.fixture(scope="module")
def hook(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Hook:
    """Run one hook, or what belongs to a stage; pre-commit installs its environment the first time."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE", "GIT_"))}
    kept["PRE_COMMIT_HOME"] = str(tmp_path_factory.mktemp("pre-commit"))

    def hook(*words: str) -> tuple[int, str]:
        line = [sys.executable, "-m", "pre_commit", "run", "--all-files", "--color=never", *words]
        done = subprocess.run(line, cwd=project, env=kept, capture_output=True, text=True, timeout=500)
        return done.returncode, done.stdout + done.stderr

    return hook


def begin(folder: Path, *then: str) -> None:
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "a"], then):
        subprocess.run([*GIT, *words], cwd=folder, check=True, capture_output=True, timeout=60)


def test_the_hooks_pass_and_find_what_they_are_there_for(hook: Hook, project: Path) -> None:
    code, said = hook()
    assert (code, re.findall(r"^(mcp-sessiongen \w+)\.+Passed$", said, re.MULTILINE)) == (
        0,
        ["mcp-sessiongen check", "mcp-sessiongen lint", "mcp-sessiongen generate"],
    ), said
    code, said = hook("--hook-stage", "pre-push")
    assert code == 0, said
    assert re.search(r"^mcp-sessiongen breaking\.+Passed$", said, re.MULTILINE)

    schema = project / "schemas/memory.yaml"
    schema.write_text(schema.read_text().replace("type: int", "type: str").replace("default: 0", "default: none"))
    code, said = hook("mcp-sessiongen-check")
    assert code == 1
    assert "error[stale-file]" in said
    code, said = hook("mcp-sessiongen-generate")
    assert code == 1
    assert "files were modified by this hook" in said
    assert hook("mcp-sessiongen-check")[0] == 0
    code, said = hook("mcp-sessiongen-breaking", "--hook-stage", "pre-push")
    assert code == 1
    assert "schemas/memory.yaml:" in said
    assert "breaking-" in said
