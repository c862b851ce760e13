"""`breaking`: what it compares with, what it says when it cannot, and the snapshot."""

import json
import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from tests.codegen.strategies import modules

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.codes import BREAKING_CODES, CATEGORIES, CATEGORY_OF
from mcp_sessiongen.breaking.compare import breaking
from mcp_sessiongen.breaking.snapshot import schemas_of, snapshot_text
from mcp_sessiongen.breaking.subject import Schema

Run: TypeAlias = Callable[..., Any]

GOLDEN = Path(__file__).parent / "golden"
CART = "sessiongen: 1\nsessions:\n  cart:\n    keys:\n      title: str\n      size: int = 0\n"
CHANGED = CART.replace("title: str", "title: bytes")
PYTHON = "from mcp_sessions import SessionModel\n\n\nclass Cart(SessionModel):\n    title: str\n    size: int = 0\n"
LOCK = "schema.lock.json"


@pytest.fixture
def cart(project: Path) -> Path:
    """A project whose settings name a folder of schemas, with one in it."""
    (project / "pyproject.toml").write_text('[tool.mcp-sessiongen]\nsources = ["schemas"]\noutput = "out"\n')
    (project / "schemas").mkdir()
    path = project / "schemas/cart.yaml"
    path.write_text(CART)
    return path


def git(*arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


def commit(message: str = "a release") -> None:
    git("init", "--quiet")
    git("add", "--all", "--force")
    git("commit", "--quiet", "--message", message)


def set_breaking(line: str) -> None:
    with Path("pyproject.toml").open("a") as settings_file:
        settings_file.write(f"\n[tool.mcp-sessiongen.breaking]\n{line}\n")


# --- a snapshot ----------------------------------------------------------------------------------------------------


def test_a_snapshot_is_written_and_compared_with(cart: Path, run: Run) -> None:
    assert run("breaking", "--write").out == f"wrote {LOCK}\n"
    assert (run("breaking").code, run("breaking").out) == (0, "nothing breaks\n")
    cart.write_text(CHANGED)
    outcome = run("breaking", "--quiet")
    assert outcome.code == 1
    assert "schemas/cart.yaml:5:7: error[breaking-type-changed]: data: key 'title'" in outcome.out
    assert outcome.err.endswith("breaking changes\n")
    run("breaking", "--write")
    assert run("breaking").code == 0


def test_what_no_rule_looks_at_does_not_change_a_snapshot(cart: Path, run: Run) -> None:
    run("breaking", "--write")
    before = Path(LOCK).read_bytes()
    cart.write_text(
        "sessiongen: 1\nsessions:\n  cart:\n    doc: New.\n    keys:\n      size: int = 0\n      title: str\n"
    )
    run("breaking", "--write")
    assert Path(LOCK).read_bytes() == before


def test_a_project_is_compared_from_any_of_its_folders(cart: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("breaking", "--write")
    commit()
    cart.write_text(CHANGED)
    monkeypatch.chdir("schemas")
    for against in ([], ["--against", "git:HEAD"]):
        outcome = run("breaking", *against)
        assert outcome.code == 1
        assert outcome.out.startswith("cart.yaml:")
    assert run("breaking", "--write").out == f"wrote ../{LOCK}\n"


def test_writing_some_schemas_leaves_the_others_in_the_snapshot(cart: Path, run: Run) -> None:
    Path("schemas/other.yaml").write_text(CART.replace("cart", "other"))
    run("breaking", "--write")
    cart.write_text(CHANGED)
    Path("schemas/other.yaml").write_text(CHANGED.replace("cart", "other"))
    run("breaking", "--write", "schemas/other.yaml")
    assert "breaking-type-changed" not in run("breaking", "schemas/other.yaml").out
    found = run("breaking").out
    assert "schemas/cart.yaml:5:7: error[breaking-type-changed]" in found
    assert "other.yaml" not in found


def test_a_schema_whose_file_is_gone_is_found_in_the_snapshot(cart: Path, run: Run) -> None:
    Path("schemas/other.yaml").write_text(CART.replace("cart", "other"))
    run("breaking", "--write")
    Path("schemas/other.yaml").unlink()
    assert "schemas/other.yaml: error[breaking-session-removed]" in run("breaking").out
    assert "breaking-session-removed" in run("breaking", "schemas").out
    assert run("breaking", "schemas/cart.yaml").code == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[:-9], "it is not JSON"),
        (lambda text: f"<<<<<<< main\n{text}", "it has merge conflicts"),
        (lambda text: text.replace('"version": 1', '"version": 2'), "written by a newer mcp-sessiongen"),
        (lambda text: text.replace('"version": 1', '"version": true'), "damaged"),
        (lambda text: text.replace('"name": "str"', '"name": "int"'), "the digest of schemas/cart.yaml"),
        (lambda text: text.replace('"is": "field"', '"is": "fiedl"'), "should be a field"),
        (lambda text: text.replace('"source"', '"sources"'), "has no source"),
        (lambda text: text.replace("mcp-sessiongen snapshot", "poem"), "not a snapshot"),
        (lambda _: "[" * 100_000, "it is not JSON"),
        (lambda _: "[]", "not a snapshot"),
    ],
)
def test_a_damaged_snapshot_is_refused(change: Callable[[str], str], said: str, cart: Path, run: Run) -> None:
    run("breaking", "--write")
    Path(LOCK).write_text(change(Path(LOCK).read_text()))
    outcome = run("breaking")
    assert outcome.code == 2
    assert outcome.err.startswith(f"{LOCK}: error[bad-baseline]: ")
    assert said in outcome.err


def test_a_snapshot_that_is_no_text_is_refused(cart: Path, run: Run) -> None:
    Path(LOCK).write_bytes(b"\xff")
    assert "not UTF-8" in run("breaking").err


@settings(max_examples=30, deadline=None)
@given(modules())
def test_a_snapshot_of_any_schema_reads_as_itself_and_nothing_breaks(module: ir.Module) -> None:
    now = Schema("a.yaml", "a", module)
    (was,) = schemas_of(snapshot_text([now]))
    assert breaking([was], [now]) == []
    assert breaking([now], [was]) == []
    assert snapshot_text([was]) == snapshot_text([now])


@settings(max_examples=30, deadline=None)
@given(modules())
def test_docs_and_the_order_of_names_never_matter(module: ir.Module) -> None:
    def mixed(items: Any) -> Any:
        return tuple(random.Random(1).sample(items, len(items)))

    def told(field: ir.Field) -> ir.Field:
        return replace(field, doc="Other words.", deprecated="Other words." if field.deprecated else "")

    shuffled = ir.Module(
        tuple(replace(one, doc="Other.", fields=mixed([*map(told, one.fields)])) for one in mixed(module.models)),
        tuple(replace(one, doc="Other.", keys=mixed([*map(told, one.keys)])) for one in mixed(module.sessions)),
        tuple(replace(one, doc="Other.", members=mixed(one.members)) for one in mixed(module.enums)),
    )
    before, after = Schema("a.yaml", "a", module), Schema("a.yaml", "a", shuffled)
    assert breaking([before], [after]) == []
    assert snapshot_text([before]) == snapshot_text([after])


# --- git -----------------------------------------------------------------------------------------------------------


def test_schemas_are_compared_with_those_of_a_git_ref(cart: Path, run: Run) -> None:
    commit()
    git("tag", "v1")
    cart.write_text(CHANGED)
    git("commit", "--all", "--quiet", "--message", "a change")
    assert run("breaking", "--against", "git:HEAD").code == 0
    outcome = run("breaking", "--against", "git:v1")
    assert outcome.code == 1
    assert "schemas/cart.yaml:5:7: error[breaking-type-changed]" in outcome.out
    assert subprocess.run(["git", "status", "--short"], capture_output=True, check=True).stdout == b""


def test_in_a_hook_the_repository_is_found_all_the_same(cart: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    commit()
    cart.write_text(CHANGED)
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.setenv(name, "elsewhere")
    assert run("breaking", "--against", "git:HEAD").code == 1


def test_python_schemas_are_imported_as_they_were(project: Path, run: Run) -> None:
    """With the modules that they import, although these are imported already as they are."""
    (project / "app").mkdir()
    (project / "app/kinds.py").write_text("Title = str\n")
    (project / "app/__init__.py").write_text("")
    schema = project / "app/state.py"
    schema.write_text(
        "import os\nfrom app.kinds import Title\nos.write(1, b'a word')\nos.write(1, b'\\n')\n"
        + PYTHON.replace("title: str", "title: Title")
    )
    commit()
    (project / "app/kinds.py").write_text("Title = bytes\n")
    for source in ("app/state.py", "app.state", "app.state:Cart"):
        outcome = run("breaking", source, "--against", "git:HEAD")
        assert outcome.code == 1
        assert "error[breaking-type-changed]: data: key 'title' is bytes and stored values may be str" in outcome.out


def test_what_was_not_there_is_new_and_said_to_be(project: Path, run: Run) -> None:
    (project / "state.py").write_text(PYTHON)
    commit()
    (project / "state.py").write_text(PYTHON + PYTHON.partition("\n")[2].replace("Cart", "Order"))
    (project / "new.py").write_text(PYTHON.replace("Cart", "New"))
    (project / "new.yaml").write_text(CART.replace("cart", "new_yaml"))
    named = ("state:Cart", "state:Order", "new", "new.yaml")
    outcome = run("breaking", *named, "--against", "git:HEAD")
    assert outcome.code == 0
    said = [f"{source} is new, and was not compared" for source in named[1:]]
    assert outcome.out.splitlines() == [*said, "nothing breaks"]


def test_sources_that_the_settings_do_not_name_any_more_are_compared_too(cart: Path, run: Run) -> None:
    Path("more").mkdir()
    Path("more/other.yaml").write_text(CART.replace("cart", "other"))
    text = Path("pyproject.toml").read_text()
    Path("pyproject.toml").write_text(text.replace('"schemas"', '"schemas", "more"'))
    commit()
    Path("pyproject.toml").write_text(text)
    shutil.rmtree("more")
    assert "more/other.yaml: error[breaking-session-removed]" in run("breaking", "--against", "git:HEAD").out


@pytest.mark.parametrize("ref", ["nothing", "", "--all", "HEAD:schemas"])
def test_a_ref_that_is_none_is_a_finding(ref: str, cart: Path, run: Run) -> None:
    commit()
    outcome = run("breaking", "--against", f"git:{ref}")
    assert outcome.code == 2
    assert f"git:{ref}: error[bad-baseline]: the repository has no ref {ref!r}" in outcome.err


def test_a_folder_that_is_no_repository_is_a_finding(cart: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    assert (
        "git:HEAD: error[bad-baseline]: git says: fatal: not a git repository"
        in run("breaking", "--against", "git:HEAD").err
    )
    monkeypatch.setenv("PATH", "")
    assert "there is no command git" in run("breaking", "--against", "git:HEAD").err


def test_schemas_that_did_not_compile_are_named_with_the_ref(cart: Path, run: Run) -> None:
    cart.write_text(CART.replace("str", "strr"))
    commit()
    cart.write_text(CART)
    outcome = run("breaking", "--against", "git:HEAD")
    assert outcome.code == 2
    assert "git:HEAD: error[bad-baseline]: the schemas as they were do not compile" in outcome.err
    assert "git:HEAD:schemas/cart.yaml:5:14: error[unknown-type]: unknown type 'strr'" in outcome.err


def test_a_module_that_ends_the_process_is_a_finding(project: Path, run: Run) -> None:
    (project / "state.py").write_text("import os\nos._exit(3)\n")
    commit()
    (project / "state.py").write_text(PYTHON)
    outcome = run("breaking", "state.py", "--against", "git:HEAD")
    assert outcome.code == 2
    assert "the schemas as they were cannot be read" in outcome.err


# --- a folder ------------------------------------------------------------------------------------------------------


def test_schemas_are_compared_with_those_of_a_folder(cart: Path, run: Run) -> None:
    shutil.copytree("schemas", "released/schemas")
    cart.write_text(CHANGED)
    assert "breaking-type-changed" in run("breaking", "--against", "released").out
    assert "breaking-type-changed" in run("breaking", str(cart), "--against", "released").out


def test_a_folder_without_any_of_the_schemas_is_a_finding(cart: Path, run: Run) -> None:
    """Else a folder that is laid out otherwise would let every change pass."""
    shutil.copytree("schemas", "released")
    outcome = run("breaking", "--against", "released")
    assert outcome.code == 2
    assert "error[bad-baseline]: the folder has none of the schemas" in outcome.err


# --- options and settings ------------------------------------------------------------------------------------------


def test_settings_say_what_was_released_and_which_rules_are_off(cart: Path, run: Run) -> None:
    commit()
    cart.write_text(CHANGED)
    set_breaking('against = "git:HEAD"\nignore = ["code", "policy", "breaking-type-widened"]')
    outcome = run("breaking", "--error-format", "json")
    assert [finding["code"] for finding in json.loads(outcome.out)] == ["breaking-type-changed"]
    selected = json.loads(run("breaking", "--select", "breaking-type-widened", "--error-format", "json").out)
    assert [finding["code"] for finding in selected] == ["breaking-type-widened"]
    assert run("breaking", "--ignore", "data").code == 0


def test_settings_name_a_snapshot_from_their_own_folder(cart: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    set_breaking('against = "released.json"\nselect = ["data"]')
    monkeypatch.chdir("schemas")
    assert "../released.json: error[bad-baseline]: there is no such file" in run("breaking").err
    assert run("breaking", "--write").out == "wrote ../released.json\n"
    cart.write_text(CHANGED)
    assert run("breaking").out.count("error[") == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('ignore = ["dta"]', "there is no rule or category 'dta'"),
        ('select = "data"', "select is not a list of texts"),
        ("against = 3", "against is not a text"),
        ("agianst = 3", "has no key 'agianst'"),
    ],
)
def test_settings_that_are_wrong_are_findings(line: str, said: str, cart: Path, run: Run) -> None:
    set_breaking(line)
    outcome = run("breaking")
    assert outcome.code == 2
    assert outcome.err.startswith("pyproject.toml:6:1: error[bad-config]: ")
    assert said in outcome.err


def test_wrong_usage_is_said(cart: Path, run: Run) -> None:
    assert "did you mean 'data'" in run("breaking", "--select", "dat").err
    Path("released").mkdir()
    for against in ("git:HEAD", "released"):
        assert f"{against} is none" in run("breaking", "--write", "--against", against).err
    assert run("breaking").code == 2
    assert "mcp-sessiongen breaking --write" in run("breaking").err
    assert "error[bad-baseline]" in run("breaking", "--against", "nothing").err


def test_without_findings_json_is_an_empty_array(cart: Path, run: Run) -> None:
    assert json.loads(run("breaking", "--write", "--error-format", "json").out) == []
    assert json.loads(run("breaking", "--error-format", "json").out) == []


# --- the rules -----------------------------------------------------------------------------------------------------


def test_every_rule_is_of_a_category_and_has_a_case_of_its_name() -> None:
    assert set(CATEGORY_OF.values()) == set(CATEGORIES)
    for code in BREAKING_CODES:
        assert f"error[{code}]: {CATEGORY_OF[code]}: " in (GOLDEN / code / "stdout.txt").read_text()


def test_a_session_that_moves_to_another_file_is_another_module_to_code(cart: Path, run: Run) -> None:
    run("breaking", "--write")
    cart.rename(cart.with_name("basket.yaml"))
    outcome = run("breaking")
    assert outcome.out.count("error[") == 1
    assert "CartSession was in module 'cart' and is in 'basket'" in outcome.out
