"""The workflows: as GitHub wants them, and their steps do what docs/ci.md says, in a fresh repository of git."""

import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
VERSION_2 = """sessiongen: 1
sessions:
  memory:
    version: 2
    lifetime: {idle: 30m, max: 24h}
    migrations: [{to: 2, call: "migrations:memory_v2"}]
    keys:
      calls: {type: int, default: 0}
      notes: {type: "list[str]", default: [], max_length: 100}
      title: {type: str, max_length: 80}
"""


def workflow(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def steps(repository: Path) -> dict[str, str]:
    """What the steps of the example run, but for what installs the project, by a word of each."""
    [job] = workflow(repository / "examples/ci/sessions.yml")["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands[0] == "python -m pip install . --group dev"
    return {re.sub(r"^python -m |^mcp-sessiongen ", "", command).split()[0]: command for command in commands[1:]}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that init began, as it was merged into main."""
    run(tmp_path, "mcp-sessiongen init --quiet && mcp-sessiongen generate --quiet")
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    git(tmp_path, "update-ref", "refs/remotes/origin/main", "HEAD")
    return tmp_path


def git(folder: Path, *words: str) -> None:
    subprocess.run([*GIT, *words], cwd=folder, check=True, capture_output=True, timeout=60)


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "a")


def run(folder: Path, command: str, code: int = 0) -> str:
    """Run a step as GitHub does, and return what it printed."""
    surroundings = {
        **os.environ,
        "BASE": "main",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    line = ["bash", "-e", "-c", command]
    done = subprocess.run(line, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", ["examples/ci/sessions.yml", ".github/workflows/ci.yml"])
def test_a_workflow_is_as_github_wants_it(name: str, repository: Path) -> None:
    """By the JSON Schema of workflows, which check-jsonschema carries."""
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/github-workflows.json").read_text("utf-8"))
    found = workflow(repository / name)
    jsonschema.validate({"on" if key is True else key: value for key, value in found.items()}, schema)
    assert found["permissions"] == {"contents": "read"}
    assert all("timeout-minutes" in job for job in found["jobs"].values())


def test_our_own_workflow_runs_what_is_run_here_on_each_python(repository: Path) -> None:
    [job] = workflow(repository / ".github/workflows/ci.yml")["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert os.access(repository / ".ci/run", os.X_OK)


def test_the_page_shows_the_workflow_and_names_each_step(repository: Path, steps: dict[str, str]) -> None:
    page = (repository / "docs/ci.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert shown == (repository / "examples/ci/sessions.yml").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(steps)


def test_all_steps_pass_in_a_new_project(steps: dict[str, str], project: Path) -> None:
    for command in steps.values():
        run(project, command)


def test_a_schema_that_was_not_compiled_is_found(steps: dict[str, str], project: Path) -> None:
    schema = project / "schemas/memory.yaml"
    schema.write_text(schema.read_text().replace("default: 0", "default: 1"))
    assert "::error file=" in run(project, steps["check"], code=1)


def test_a_key_that_is_gone_is_found_beside_its_session(steps: dict[str, str], project: Path) -> None:
    schema = project / "schemas/memory.yaml"
    text = schema.read_text()
    begin, end = text.index("      calls:"), text.index("      notes:")
    schema.write_text(text[:begin] + text[end:])
    run(project, "mcp-sessiongen generate --quiet")
    found = run(project, steps["breaking"], code=1)
    assert re.search(r"^::error file=schemas/memory.yaml,.*title=breaking-key-removed::", found, re.MULTILINE)


def test_a_migration_has_a_test_that_a_step_runs(steps: dict[str, str], project: Path) -> None:
    (project / "schemas/memory.yaml").write_text(VERSION_2)
    run(project, "mcp-sessiongen migration new memory --against git:origin/main")
    run(project, "mcp-sessiongen generate --quiet")
    assert [path.name for path in project.glob("**/test_memory_v2.py")]
    body = project / "migrations.py"
    assert "NotImplementedError" in body.read_text()
    assert "NotImplementedError" in run(project, steps["pytest"], code=1)


def test_all_workflows_use_the_same_versions_of_actions(repository: Path) -> None:
    pages = [*(repository / "docs").glob("*.md"), repository / "examples/ci/sessions.yml"]
    used = {found for page in pages for found in re.findall(r"uses: (actions/\S+)", page.read_text(encoding="utf-8"))}
    assert len(used) == len({one.partition("@")[0] for one in used}) == 2
