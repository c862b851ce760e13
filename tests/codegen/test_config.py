"""The settings in pyproject.toml: where they are found, what they mean, and what is wrong with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., Any]

COUNTER = "sessiongen: 1\nsessions:\n  counter:\n    keys:\n      counter: int = 0\n"
SETTINGS = '[tool.mcp-sessiongen]\nsources = ["schemas"]\noutput = "app/sessions"\n'


@pytest.fixture
def shop(project: Path) -> Path:
    """A project with settings and one schema."""
    (project / "schemas").mkdir()
    (project / "schemas" / "counter.yaml").write_text(COUNTER)
    (project / "pyproject.toml").write_text(SETTINGS)
    return project


def settle(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_text(text)


def test_generate_check_and_diff_need_no_arguments(shop: Path, run: Run) -> None:
    assert run("generate").out.splitlines()[-1] == "2 files written, 0 unchanged"
    assert (shop / "app/sessions/counter.py").exists()
    assert run("check").text == "2 files up to date\n"
    assert run("diff").text == ""
    assert run("lint", "--ignore", "lint-session-doc").text == "no warnings\n"


def test_settings_are_found_upwards_and_their_paths_are_theirs(
    shop: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = shop / "src" / "deep"
    below.mkdir(parents=True)
    (shop / "src" / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    monkeypatch.chdir(below)
    assert "wrote     ../../app/sessions/counter.py" in run("generate").out
    header = (shop / "app/sessions/counter.py").read_text().splitlines()[1]
    assert header == "#   mcp-sessiongen generate ../../schemas/counter.yaml -o ."
    monkeypatch.chdir(shop)
    assert run("check").code == 0


def test_the_command_line_wins(shop: Path, run: Run) -> None:
    (shop / "other.yaml").write_text(COUNTER.replace("counter:", "other:", 1))
    assert run("generate", "other.yaml", "-o", "elsewhere").code == 0
    assert (shop / "elsewhere/other.py").exists()
    assert run("generate", "other.yaml").code == 0
    assert (shop / "app/sessions/other.py").exists()
    assert run("generate", "-o", "third").code == 0
    assert (shop / "third/counter.py").exists()


def test_a_broken_file_of_settings_does_not_matter_when_all_is_said(shop: Path, run: Run) -> None:
    settle(shop, "= nonsense")
    assert run("generate", "schemas", "-o", "out").code == 0
    assert run("generate").code == 2


@pytest.mark.parametrize(
    ("folders", "place"), [((), "app/sessions"), (("src",), "src/app/sessions"), (("app", "src"), "app/sessions")]
)
def test_a_package_is_looked_for_where_python_would(folders: tuple[str, ...], place: str, shop: Path, run: Run) -> None:
    for folder in folders:
        (shop / folder).mkdir()
    settle(shop, SETTINGS.replace('output = "app/sessions"', 'package = "app.sessions"'))
    assert run("generate").code == 0
    assert (shop / place / "counter.py").exists()


def test_several_targets_are_written_all_or_none(shop: Path, run: Run) -> None:
    (shop / "more.yaml").write_text(COUNTER.replace("counter:", "more:", 1))
    target = '[[tool.mcp-sessiongen.targets]]\nsources = ["{}"]\noutput = "{}"\n'
    settle(shop, target.format("schemas", "a") + target.format("more.yaml", "b") + target.format("./more.yaml", "a/"))
    assert run("generate").code == 0
    assert sorted(path.name for path in (shop / "a").glob("*.py")) == ["__init__.py", "counter.py", "more.py"]
    assert sorted(path.name for path in (shop / "b").glob("*.py")) == ["__init__.py", "more.py"]
    assert run("check").out == "5 files up to date\n"
    (shop / "b" / "more.py").write_text("mine")
    (shop / "schemas" / "counter.yaml").write_text(COUNTER.replace("= 0", "= 1"))
    before = (shop / "a" / "counter.py").read_text()
    assert "b/more.py:1:1: error[not-ours]" in run("generate").err
    assert (shop / "a" / "counter.py").read_text() == before
    assert "the settings have several targets" in run("generate", "more.yaml").err


@pytest.mark.parametrize("command", ["generate", "check", "diff", "lint"])
def test_without_settings_the_lines_to_add_are_shown(command: str, project: Path, run: Run) -> None:
    outcome = run(command)
    assert outcome.code == 2
    assert '  [tool.mcp-sessiongen]\n  sources = ["schemas"]\n  output = "app/sessions"' in outcome.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool]\nmcp-sessiongen = 3\n", "2:1: error[bad-config]: tool.mcp-sessiongen is not a table"),
        (SETTINGS + "colour = 1\n", "4:1: error[bad-config]: tool.mcp-sessiongen has no key 'colour'"),
        (SETTINGS.replace('["schemas"]', "[]"), "2:1: error[bad-config]: no sources are named"),
        (SETTINGS.replace('"app/sessions"', '""'), "3:1: error[bad-config]: output is not a text"),
        (SETTINGS.replace("app/sessions", "a\\u0000b"), "3:1: error[bad-config]: output is not a text that names"),
        (SETTINGS + 'package = "app"\n', "3:1: error[bad-config]: output and package are both given"),
        (SETTINGS + "targets = 1\n", "4:1: error[bad-config]: targets is not an array of tables"),
        (SETTINGS + 'lint.ignore = ["lint-secrets"]\n', "4:1: error[bad-config]: there is no rule 'lint-secrets'"),
        ("tool.mcp-sessiongen.sources = 1\n", "1:1: error[bad-config]: sources is not a list of texts"),
        (SETTINGS.replace("mcp-sessiongen", "mcp_sessiongen"), "1:2: error[bad-config]: there are no settings called"),
        (SETTINGS.replace("schemas", "schmas"), "2:1: error[bad-config]: there is no file, folder or module 'schmas'"),
        ("[tool.mcp-sessiongen\n", "1:21: error[bad-config]: not valid TOML: "),
        ("a = " + "[" * 5000, "1:1: error[bad-config]: not valid TOML: "),
    ],
)
def test_what_is_wrong_with_settings_is_told_with_its_place(text: str, message: str, project: Path, run: Run) -> None:
    settle(project, text)
    (project / "schemas").mkdir()
    outcome = run("check")
    assert outcome.code == 2
    assert f"pyproject.toml:{message}" in outcome.err
    assert "= help: " in outcome.err


def test_settings_that_are_not_text_are_told(project: Path, run: Run) -> None:
    (project / "pyproject.toml").write_bytes(b"\xff\xfe")
    assert "pyproject.toml:1:1: error[bad-config]: it is not UTF-8 text" in run("check").err


def test_rules_that_are_off_in_the_settings_can_be_selected(shop: Path, run: Run) -> None:
    settle(shop, SETTINGS + '\n[tool.mcp-sessiongen.lint]\nignore = ["lint-session-doc"]\n')
    assert run("lint").code == 0
    assert run("lint", "--select", "lint-session-doc").code == 1
    assert "did you mean 'lint-secret'?" in run("lint", "--select", "lint-secrets").err
