"""What was written is remembered: edits are told from staleness, left-overs from somebody's work, fresh from not."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from mcp_sessiongen import pipeline, render
from mcp_sessiongen.load.targets import Target

Run: TypeAlias = Callable[..., Any]
FilesIn: TypeAlias = Callable[[Path], dict[str, str]]

COUNTER = "sessiongen: 1\nsessions:\n  counter:\n    keys:\n      counter: int = 0\n"
PYTHON = "from mcp_sessions import SessionModel\nclass Cart(SessionModel):\n    x: int = 1\n"


@pytest.fixture
def shop(project: Path, run: Run) -> Path:
    """A project with settings and two schemas, compiled."""
    (project / "schemas").mkdir()
    for name in ("counter", "other"):
        (project / "schemas" / f"{name}.yaml").write_text(COUNTER.replace("counter:", f"{name}:", 1))
    (project / "pyproject.toml").write_text('[tool.mcp-sessiongen]\nsources = ["schemas"]\noutput = "out"\n')
    assert run("generate").code == 0
    return project


def manifest(shop: Path) -> Path:
    return shop / "out" / ".mcp-sessiongen.json"


def imported_by(shop: Path, *arguments: str) -> set[str]:
    line = [sys.executable, "-X", "importtime", "-m", "mcp_sessiongen", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=shop)
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def is_slow(shop: Path) -> bool:
    return "mcp_sessiongen.pipeline" in imported_by(shop, "check")


# --- the file itself -----------------------------------------------------------------------------------------------


def test_the_manifest_is_the_same_wherever_it_was_written(shop: Path, tmp_path: Path) -> None:
    text = manifest(shop).read_text()
    assert str(tmp_path) not in text
    assert text.isascii()
    assert text.endswith("}\n")
    content = json.loads(text)
    assert list(content["files"]) == ["__init__.py", "counter.py", "other.py"]
    assert content["files"]["counter.py"]["source"] == "../schemas/counter.yaml"
    copy = tmp_path / "copy"
    shutil.copytree(shop, copy, ignore=shutil.ignore_patterns("out", "copy"))
    line = [sys.executable, "-m", "mcp_sessiongen", "generate", "-q"]
    subprocess.run(line, cwd=copy, env={**os.environ, "PYTHONHASHSEED": "7", "LC_ALL": "C"}, check=True)
    assert manifest(copy).read_text() == text


def test_the_manifest_alone_does_not_make_a_check_fail(shop: Path, run: Run) -> None:
    manifest(shop).unlink()
    assert run("check").code == 0
    run("generate")
    assert manifest(shop).exists()


def test_other_libraries_do_not_change_the_manifest(shop: Path, run: Run) -> None:
    """Two people of a team, or pre-commit, may have others: it is no reason for a commit."""
    text = manifest(shop).read_text().replace("pydantic 2", "pydantic 1")
    manifest(shop).write_text(text)
    assert run("generate").code == 0
    assert manifest(shop).read_text() == text
    assert is_slow(shop)


def test_only_what_changed_is_compiled(shop: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    compile_target = pipeline.compile_target

    def noted(target: Target, *rest: Any) -> pipeline.Compiled:
        compiled.append(Path(target.given).name)
        return compile_target(target, *rest)

    monkeypatch.setattr(pipeline, "compile_target", noted)
    (shop / "schemas" / "other.yaml").write_text(COUNTER.replace("= 0", "= 1"))
    assert run("check").code == 1
    assert run("generate").out.endswith("1 file written, 2 unchanged\n")
    assert compiled == ["other.yaml"] * 2
    (shop / "out" / "counter.py").unlink()
    assert run("generate").out.endswith("1 file written, 2 unchanged\n")
    assert compiled[2:] == ["counter.yaml"]


# --- edited by hand ------------------------------------------------------------------------------------------------


def test_what_was_edited_is_reported_and_not_overwritten(shop: Path, run: Run, files_in: FilesIn) -> None:
    module = shop / "out" / "counter.py"
    module.write_text(module.read_text() + "# mine\n")
    (shop / "schemas" / "other.yaml").write_text(COUNTER)
    before = files_in(shop)
    outcome = run("generate")
    assert outcome.code == 2
    assert "out/counter.py:1:1: error[edited-by-hand]" in outcome.err
    assert files_in(shop) == before
    checked = run("check")
    assert checked.code == 1
    assert "out/counter.py:1:1: error[edited-file]" in checked.out
    assert "out/other.py:1:1: error[stale-file]" in checked.out
    commands = "  mcp-sessiongen generate --force\n  mcp-sessiongen generate\n"
    assert checked.err.endswith(f"not up to date; run:\n{commands}")
    assert run("generate", "--force").code == 0
    assert "# mine" not in module.read_text()
    assert run("check").code == 0


@pytest.mark.parametrize("what", ["none", "half merged", "without the entry"])
def test_what_was_edited_is_not_overwritten_either_where_no_manifest_tells_of_it(
    what: str, shop: Path, run: Run
) -> None:
    module = shop / "out" / "counter.py"
    module.write_text(module.read_text() + "# mine\n")
    (shop / "schemas" / "other.yaml").write_text(COUNTER.replace("= 0", "= 1"))
    content = json.loads(manifest(shop).read_text())
    content["files"].pop("counter.py")
    texts = {"half merged": "<<<<<<< HEAD\n" + manifest(shop).read_text(), "without the entry": json.dumps(content)}
    manifest(shop).unlink() if what == "none" else manifest(shop).write_text(texts[what])
    outcome = run("generate")
    assert outcome.code == 2
    assert "counter.py:1:1: error[edited-by-hand]: the file is not what its schema gives" in outcome.err
    assert "--force overwrites the file" in outcome.err
    assert "other.py" not in outcome.err
    assert "# mine" in module.read_text()
    assert "counter.py:1:1: error[edited-file]" in run("check").out
    assert run("generate", "--force").code == 0
    assert "# mine" not in module.read_text()


def test_without_a_manifest_a_file_of_another_schema_is_made_anew(shop: Path, run: Run) -> None:
    (shop / "schemas" / "other.yaml").write_text(COUNTER.replace("= 0", "= 1"))
    manifest(shop).unlink()
    assert "error[stale-file]" in run("check").out
    assert run("generate").code == 0


def test_without_a_manifest_a_file_is_made_anew_whose_schema_moved(shop: Path, run: Run) -> None:
    (shop / "schemas").rename(shop / "moved")
    settings = (shop / "pyproject.toml").read_text()
    (shop / "pyproject.toml").write_text(settings.replace('"schemas"', '"moved"'))
    manifest(shop).unlink()
    assert "error[stale-file]" in run("check").out
    assert run("generate").code == 0


def test_what_another_compiler_wrote_is_stale_and_not_edited(
    shop: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest says that it is as it was written, though its schema is the same as ever."""
    monkeypatch.setattr("mcp_sessiongen.pipeline.render", lambda *given: render.render(*given) + "# new\n")
    monkeypatch.setattr("mcp_sessiongen.compare.PACKAGE", render.PACKAGE + "# new\n")
    monkeypatch.setattr("mcp_sessiongen.manifest.compiler", lambda: "another")
    checked = run("check")
    assert checked.out.count("error[stale-file]") == 3
    assert "edited" not in checked.out
    assert run("generate").code == 0
    assert (shop / "out" / "counter.py").read_text().endswith("# new\n")


def test_an_edited_package_file_is_treated_as_the_modules_are(shop: Path, run: Run) -> None:
    package = shop / "out" / "__init__.py"
    written = package.read_text()
    package.write_text(written + "import os\n")
    assert "out/__init__.py:1:1: error[edited-file]" in run("check").out
    outcome = run("generate")
    assert outcome.code == 2
    assert "= help: delete its header to make it yours; --force overwrites the file" in outcome.err
    assert run("generate", "--force").code == 0
    assert package.read_text() == written
    assert run("check").code == 0


def test_a_package_file_without_our_header_is_the_user_s(shop: Path, run: Run) -> None:
    for text in ("import os\n", ""):
        (shop / "out" / "__init__.py").write_text(text)
        assert run("check").code == 0
        assert run("generate", "--force").code == 0
        assert (shop / "out" / "__init__.py").read_text() == text
    assert not is_slow(shop)


def test_a_half_merged_file_is_made_anew(shop: Path, run: Run) -> None:
    module = shop / "out" / "counter.py"
    module.write_text(module.read_text() + "<<<<<<< HEAD\n1\n=======\n2\n>>>>>>> branch\n")
    assert run("check").code == 1
    assert run("generate").code == 0
    assert run("check").code == 0


def test_line_ends_that_version_control_changed_are_no_difference(shop: Path, run: Run) -> None:
    for path in [*shop.glob("out/*"), *shop.glob("schemas/*")]:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = {path: path.read_bytes() for path in shop.glob("out/*")}
    assert run("check").code == 0
    assert not is_slow(shop)
    assert run("generate").code == 0
    assert {path: path.read_bytes() for path in shop.glob("out/*")} == before


# --- left over -----------------------------------------------------------------------------------------------------


def test_a_module_whose_schema_is_gone_is_removed(shop: Path, run: Run) -> None:
    (shop / "schemas" / "other.yaml").rename(shop / "schemas" / "third.yaml")
    checked = run("check")
    assert checked.code == 1
    assert "out/other.py:1:1: error[left-over-file]" in checked.out
    assert "--- out/other.py\n+++ /dev/null\n" in run("diff").out
    assert "removed   out/other.py" in run("generate").out
    assert not (shop / "out" / "other.py").exists()
    assert run("check").text == "3 files up to date\n"


def test_a_left_over_that_was_edited_is_reported_and_never_removed(shop: Path, run: Run) -> None:
    (shop / "schemas" / "other.yaml").unlink()
    module = shop / "out" / "other.py"
    module.write_text(module.read_text() + "# mine\n")
    for _ in range(2):
        outcome = run("generate", "--force")
        assert outcome.code == 0
        assert "note: out/other.py has no schema any more" in outcome.err
        assert "left-over-file" in run("check").out
        assert run("check").err == "1 file of 3 not up to date\n"  # there is no command that would help
        assert run("diff").text == ""
        assert module.exists()
    module.write_text("mine\n")  # without our header it is nobody's business
    assert run("check").code == 0
    assert run("generate").err == ""
    assert "other.py" not in manifest(shop).read_text()
    assert module.read_text() == "mine\n"


def test_another_command_into_the_same_folder_leaves_the_first_one_s_modules(project: Path, run: Run) -> None:
    for name in ("a", "b"):
        (project / f"{name}.yaml").write_text(COUNTER)
    (project / "c.py").write_text(PYTHON)
    for source in ("a.yaml", "b.yaml", "c.py:Cart"):
        assert run("generate", source, "-o", "out").code == 0
    assert sorted(path.name for path in (project / "out").glob("*.py")) == ["__init__.py", "a.py", "b.py", "c.py"]
    (project / "a.yaml").unlink()
    assert "removed   out/a.py" in run("generate", "b.yaml", "-o", "out").out
    assert sorted(path.name for path in (project / "out").glob("*.py")) == ["__init__.py", "b.py", "c.py"]


def test_what_the_settings_do_not_name_any_more_is_removed(shop: Path, run: Run) -> None:
    settings = (shop / "pyproject.toml").read_text()
    (shop / "pyproject.toml").write_text(settings.replace('"schemas"', '"schemas/counter.yaml"'))
    assert "error[left-over-file]" in run("check").out
    assert "removed   out/other.py" in run("generate").out


def test_a_folder_or_link_in_the_place_of_a_left_over_is_not_touched(shop: Path, run: Run) -> None:
    (shop / "schemas" / "other.yaml").unlink()
    module = shop / "out" / "other.py"
    module.rename(shop / "kept.py")
    module.symlink_to(shop / "kept.py")
    assert run("generate").code == 0
    assert module.is_symlink()
    assert (shop / "kept.py").exists()


# --- the quick way -------------------------------------------------------------------------------------------------


def test_what_is_unchanged_is_seen_without_compiling(shop: Path) -> None:
    for command in ("check", "generate", "diff"):
        imported = imported_by(shop, command)
        assert "click" in imported
        assert not {"jinja2", "pydantic", "yaml", "mcp_sessiongen.pipeline"} & imported


def tampered(shop: Path, what: str) -> None:
    """Change something so that the result is not, or not surely, what the manifest vouches for."""
    content = json.loads(manifest(shop).read_text())
    first, second = (content["files"][f"{name}.py"] for name in ("counter", "other"))
    changes: dict[str, Callable[[], object]] = {
        "schema": lambda: (shop / "schemas" / "counter.yaml").write_text(COUNTER.replace("= 0", "= 1")),
        "new schema": lambda: (shop / "schemas" / "more.yaml").write_text(COUNTER),
        "no schema": lambda: (shop / "schemas" / "counter.yaml").unlink(),
        "output": lambda: (shop / "out" / "counter.py").write_text("# @generated by mcp-sessiongen\n"),
        "no output": lambda: (shop / "out" / "counter.py").unlink(),
        "no package": lambda: (shop / "out" / "__init__.py").unlink(),
        "schema folder": lambda: (shop / "schemas").rename(shop / "gone"),
        "lines of two branches": lambda: first.update(seal=second["seal"]),
        "no seal": lambda: first.pop("seal"),
        "no entry": lambda: content["files"].pop("counter.py"),
        "entry too many": lambda: content["files"].update({"more.py": second}),
        "moved": lambda: (shop / "schemas").rename(shop / "moved"),
    }
    changes[what]()
    manifest(shop).write_text(json.dumps(content))


@pytest.mark.parametrize(
    "what",
    [
        "schema",
        "new schema",
        "no schema",
        "output",
        "no output",
        "no package",
        "schema folder",
        "lines of two branches",
        "no seal",
        "no entry",
        "entry too many",
        "moved",
    ],
)
def test_the_quick_answer_is_never_another_than_the_slow_one(what: str, shop: Path, run: Run) -> None:
    tampered(shop, what)
    quick = run("check")
    assert is_slow(shop)
    text = manifest(shop).read_text()
    manifest(shop).write_text(text.replace("python 3", "python 2"))  # that alone rules out the quick way
    assert run("check") == quick


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"manifest": 2, "files": {}}',
        '{"manifest": 1, "made_with": "", "files": []}',
        '{"manifest": 1, "made_with": "", "files": {"a.py": []}}',
        '{"manifest": 1, "made_with": "", "files": {"../../victim.py": {"sha256": "0"}}}',
        '{"manifest": 1, "made_with": "", "files": {"/victim.py": {"sha256": "0"}}}',
        '{"manifest": 1, "made_with": "", "files": {"a.py": {"sha256": 1}}}',
        '{"manifest": 1, "made_with": "", "files": {"__main__.py": {"sha256": "0"}}}',
        '<<<<<<< HEAD\n{"manifest": 1}\n=======\n{}\n>>>>>>> branch\n',
        "[" * 100_000,
        "\xff",
    ],
)
def test_a_manifest_that_makes_no_sense_is_written_anew(text: str, shop: Path, run: Run) -> None:
    good = manifest(shop).read_text()
    (shop.parent / "victim.py").write_text("# @generated by mcp-sessiongen\n")
    manifest(shop).write_bytes(text.encode("latin-1"))
    assert run("check").code == 0
    outcome = run("generate")
    assert outcome.code == 0
    assert "note: out/.mcp-sessiongen.json was written anew: " in outcome.err
    assert manifest(shop).read_text() == good
    assert (shop.parent / "victim.py").exists()


# --- nothing outside of the output folder --------------------------------------------------------------------------


def test_an_output_folder_that_is_a_link_is_refused(shop: Path, run: Run, files_in: FilesIn) -> None:
    (shop / "out").rename(shop / "elsewhere")
    (shop / "out").symlink_to("elsewhere")
    (shop / "schemas" / "counter.yaml").write_text(COUNTER.replace("= 0", "= 1"))
    before = files_in(shop)
    outcome = run("generate")
    assert outcome.code == 2
    assert "out: error[not-ours]: the output folder is a link" in outcome.err
    assert files_in(shop) == before


@pytest.mark.parametrize("place", ["manifest", "folder"])
def test_a_manifest_that_is_no_file_is_refused(place: str, shop: Path, run: Run) -> None:
    manifest(shop).unlink()
    if place == "folder":
        manifest(shop).mkdir()
    else:
        manifest(shop).symlink_to(shop / "victim")
    outcome = run("generate")
    assert outcome.code == 2
    assert "out/.mcp-sessiongen.json:1:1: error[not-ours]" in outcome.err
    assert not (shop / "victim").exists()
