"""The pages about schemas, commands and releases are true: schemas compile, and commands print what is shown."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.docs.blocks import blocks, checks, sessiongen, text_of
from tests.stores.valkey_server import running

from mcp_sessiongen.breaking.codes import BREAKING_CODES, CATEGORIES
from mcp_sessiongen.declarations import CONSTRAINTS, KEY_OPTIONS
from mcp_sessiongen.type_rules import SCALARS

SHOP = '''"""What the pages call shop."""

from typing import Generic, TypeVar

from pydantic import BaseModel, Field, field_validator

T = TypeVar("T")


class Address(BaseModel):
    street: str


class Page(BaseModel, Generic[T]):
    items: list[T] = []


class Basket(BaseModel):
    title: str = Field("", alias="Title")

    @field_validator("title")
    @classmethod
    def strip(cls, value: str) -> str:
        return value.strip()
'''
TYPO = (
    "sessiongen: 1\nsessions:\n  cart:\n    keys:\n      items: list[Itm] = []\ntypes:\n  Item: {fields: {sku: str}}\n"
)


@pytest.fixture(scope="module")
def schemas() -> str:
    return text_of("schemas.md")


@pytest.fixture(scope="module")
def command_line() -> str:
    return text_of("command-line.md")


@checks("schemas.md", "sessiongen: 1", "class Order(")
def test_both_forms_of_the_whole_language_give_the_same_code(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    [yaml], [python] = blocks("schemas.md", "yaml"), blocks("schemas.md", "python")
    (tmp_path / "order.yaml").write_text(yaml.text)
    (tmp_path / "order.py").write_text(python.text)
    codes = []
    for source in ("order.yaml", "order.py"):
        sessiongen("generate", source, "-o", "out", cwd=tmp_path)
        head, _, *rest = (tmp_path / "out/order.py").read_text().splitlines()
        codes.append([head, *rest])
        (tmp_path / "out/order.py").unlink()
        (tmp_path / "out/.mcp-sessiongen.json").unlink()
    assert codes[0] == codes[1]


def test_the_page_shows_every_word_of_the_language(schemas: str) -> None:
    [yaml] = [block.text for block in blocks("schemas.md", "yaml")]
    words = [
        "doc",
        "version",
        "idle",
        "max",
        "scope",
        "handle",
        "create",
        "end",
        "reserved",
        "enum",
        "import",
        *KEY_OPTIONS,
    ]
    assert [word for word in words if f"{word}: " not in yaml] == []
    assert [word for word in (*CONSTRAINTS, *SCALARS) if f"`{word}`" not in schemas] == []


@checks("schemas.md", "generate shop:Basket")
def test_a_model_is_a_schema_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    [command] = blocks("schemas.md", "console")
    sessiongen(*command.text.split()[2:], cwd=tmp_path)
    assert 'Key[str]("title", model=Basket)' in (tmp_path / "state/shop.py").read_text()


@checks("command-line.md", "generate cart.yaml")
def test_findings_are_printed_as_shown(tmp_path: Path) -> None:
    (tmp_path / "cart.yaml").write_text(TYPO)
    shown = [block.text for block in blocks("command-line.md", "console") if "generate cart.yaml" in block.text]
    assert len(shown) == 2
    for block in shown:
        command, _, printed = block.partition("\n")
        assert printed == sessiongen(*command.split()[2:], cwd=tmp_path, expect=2)


@checks("command-line.md", "[tool.mcp-sessiongen]")
def test_the_settings_are_understood(tmp_path: Path) -> None:
    [settings] = [block.text for block in blocks("command-line.md", "toml")]
    assert set(tomllib.loads(settings)["tool"]["mcp-sessiongen"]) == {"sources", "output", "lint", "breaking"}
    (tmp_path / "pyproject.toml").write_text(settings)
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas/memo.yaml").write_text("sessiongen: 1\nsessions: {memo: {keys: {note: str?}}}\n")
    (tmp_path / "app").mkdir()
    (tmp_path / "app/models.py").write_text(
        "from pydantic import BaseModel\n\n\nclass Wizard(BaseModel):\n    step: int = 1\n"
    )
    sessiongen("generate", cwd=tmp_path)
    made = sorted(path.name for path in (tmp_path / "app/sessions").iterdir())
    assert made == [".mcp-sessiongen.json", "__init__.py", "memo.py", "models.py"]


def test_the_page_names_every_command(command_line: str) -> None:
    help_text = sessiongen("--help", cwd=Path.cwd())
    commands = re.findall(r"^  (\w+)  ", help_text.partition("Commands:")[2], re.MULTILINE)
    assert len(commands) >= 9
    assert [name for name in commands if f"| `{name}" not in command_line] == []


@checks("command-line.md", "- run: mcp-sessiongen")
def test_the_step_of_a_workflow_compares_with_a_branch(command_line: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.mcp-sessiongen]\nsources = ["."]\noutput = "state"\n')
    schema = tmp_path / "memo.yaml"
    schema.write_text("sessiongen: 1\nsessions: {memo: {keys: {note: str, size: int}}}\n")
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    lines = (("init", "-q"), ("add", "-A"), ("commit", "-qm", "a"), ("update-ref", "refs/remotes/origin/main", "HEAD"))
    for line in lines:
        subprocess.run(["git", *who, *line], cwd=tmp_path, check=True, capture_output=True)
    schema.write_text("sessiongen: 1\nsessions: {memo: {keys: {note: str}}}\n")
    [command] = re.findall(r"^- run: mcp-sessiongen (.*)$", command_line, re.MULTILINE)
    found = sessiongen(*command.split(), cwd=tmp_path, expect=1)
    assert found.startswith("::error file=memo.yaml,line=2,col=12,endColumn=16,title=breaking-key-removed::")


def test_the_page_says_what_each_category_of_breaking_is(command_line: str, repository: Path) -> None:
    assert [name for name in CATEGORIES if f"\n| `{name}` | " not in command_line] == []
    changes = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"by {len(BREAKING_CODES)} rules in {len(CATEGORIES)} categories" in changes


@checks("command-line.md", "repos:")
def test_the_hooks_are_those_of_the_page(command_line: str, repository: Path) -> None:
    hooks = re.findall(r"^- id: (.*)$", (repository / ".pre-commit-hooks.yaml").read_text(), re.MULTILINE)
    assert len(hooks) == 4
    assert all(f"`{hook}`" in command_line for hook in hooks)


@checks("command-line.md", "yaml-language-server")
def test_the_first_line_for_editors_names_what_the_command_writes(command_line: str, tmp_path: Path) -> None:
    [named] = re.findall(r"^# yaml-language-server: \$schema=(.*)$", command_line, re.MULTILINE)
    [command] = re.findall(r"`mcp-sessiongen (schema -o \S*)`", command_line)
    (tmp_path / "schemas").mkdir()
    sessiongen(*command.split(), cwd=tmp_path)
    assert (tmp_path / "schemas" / named).exists()


@checks("rolling-deploys.md", "# schemas/cart.yaml", "# schemas/history", "# app/migrations.py", "# tests/test_cart")
def test_the_migration_of_the_guide_does_what_its_test_says(repository: Path, tmp_path: Path) -> None:
    text = (repository / "docs/rolling-deploys.md").read_text(encoding="utf-8")
    files = re.findall(r"^```(?:yaml|python)\n# (\S+/\S+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(files) == 4
    for name, content in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "app/__init__.py").touch()
    sessiongen("generate", "schemas/cart.yaml", "-o", "state", cwd=tmp_path)
    for command in (["pytest", "-q", "-p", "no:cacheprovider", "tests"], ["mypy", "--strict", "state", "app", "tests"]):
        line = [sys.executable, "-m", *command]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@checks("rolling-deploys.md", "mcp-sessiongen migrate")
def test_all_sessions_of_a_store_are_migrated_by_the_command_of_the_guide(tmp_path: Path) -> None:
    schema = "sessiongen: 1\nsessions: {cart: {keys: {items: 'list[str] = []'}}}\n"
    (tmp_path / "cart.yaml").write_text(schema)
    sessiongen("generate", "cart.yaml", "-o", "state", cwd=tmp_path)
    [command] = blocks("rolling-deploys.md", "console")
    (tmp_path / "valkey").mkdir()
    with running(tmp_path / "valkey") as valkey:
        line = command.text.replace("redis://localhost:6379", valkey.url)
        assert "0 would be migrated" in sessiongen(*line.split()[2:], cwd=tmp_path)


@checks("rolling-deploys.md", "# release ")
def test_the_releases_of_the_guide_are_rolled_out_by_a_test(repository: Path) -> None:
    text = (repository / "tests/e2e/test_rolling_deploy.py").read_text(encoding="utf-8")
    assert "# release {release}: " in text
    releases = [block for block in blocks("rolling-deploys.md") if block.text.startswith("# release ")]
    assert len(releases) == 9
