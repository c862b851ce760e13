"""What docs/editors.md says: schemas name the JSON Schema that describes them, it is there, and it accepts them."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

MODELINE = re.compile(r"\A# yaml-language-server: \$schema=(\S+)\n")


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs/editors.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shipped(repository: Path) -> Path:
    return repository / "codegen/mcp_sessiongen/session-schema.json"


def sessiongen(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "mcp_sessiongen", *arguments]
    subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=120)


def described_by(schema: Path) -> Path:
    """Return the JSON Schema that a schema's first line names, after having it examine the schema."""
    text = schema.read_text(encoding="utf-8")
    found = MODELINE.match(text)
    assert found, f"{schema} does not name its JSON Schema"
    target = (schema.parent / found[1]).resolve()
    # Words such as `no` are texts to our own reader; none of these files has one.
    assert list(Draft202012Validator(json.loads(target.read_text("utf-8"))).iter_errors(yaml.safe_load(text))) == []
    return target


def test_our_own_schemas_name_the_json_schema_that_is_shipped(repository: Path, shipped: Path) -> None:
    schemas = sorted((repository / "schemas").glob("*.yaml"))
    assert len(schemas) >= 4
    assert {described_by(schema) for schema in schemas} == {shipped}


def test_a_new_project_has_the_json_schema_beside_its_schema(tmp_path: Path, shipped: Path) -> None:
    sessiongen(tmp_path, "init", "-q")
    target = described_by(tmp_path / "schemas/memory.yaml")
    assert target == tmp_path / "schemas/session-schema.json"
    assert target.read_bytes() == shipped.read_bytes()


def test_the_line_and_the_command_of_the_page_fit_together(page: str, tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    [command] = re.findall(r"^\$ mcp-sessiongen (.*)$", page, re.MULTILINE)
    sessiongen(tmp_path, *command.split())
    [schema] = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "schemas/counter.yaml").write_text(schema)
    assert described_by(tmp_path / "schemas/counter.yaml") == tmp_path / "schemas/session-schema.json"
    sessiongen(tmp_path, "generate", "schemas", "-o", "state")


def test_the_settings_and_the_entry_of_the_catalog_name_files_that_there_are(page: str, repository: Path) -> None:
    found: list[Any] = [json.loads(one) for one in re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]
    settings, entry = found
    assert settings == {"yaml.schemas": {"./schemas/session-schema.json": "schemas/*.yaml"}}
    assert set(entry) == {"name", "description", "url"}
    assert (repository / entry["url"].partition("/main/")[2]).is_file()


def test_a_wrong_word_is_underlined_by_the_json_schema(shipped: Path) -> None:
    validator = Draft202012Validator(json.loads(shipped.read_text(encoding="utf-8")))
    wrong = {"sessiongen": 1, "sessions": {"counter": {"kyes": {"count": "int"}}}}
    assert any("kyes" in error.message for error in validator.iter_errors(wrong))
