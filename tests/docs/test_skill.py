"""The skill that teaches writing schemas: it keeps to the format, and all that it shows is done as it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from skills_ref import validate

from mcp_sessiongen.explanations import ALL_CODES
from mcp_sessiongen.load.yaml_shape import KEY

GIT_USER = {f"GIT_{who}_{what}": "a" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def skill(repository: Path) -> Path:
    return repository / "skills/mcp-sessiongen"


def run(folder: Path, command: str) -> tuple[int, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if name != "MCP_SESSIONS_STORE"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**kept, **GIT_USER, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def follow(page: Path, folder: Path) -> int:
    """Do what a page says, from its top to its end; return how many commands there were.

    A block whose first line names a file is that file. Commands succeed, unless they are shown to print findings.
    """
    commands = 0
    for language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "console":
            for block in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
                command, shown = block
                commands += 1
                code, said = run(folder, command)
                assert (code != 0) == ("error[" in shown or "warning[" in shown), f"$ {command}\n{said}"
                assert [line for line in shown.splitlines() if line not in said] == [], f"$ {command}\n{said}"
        elif name := re.match(r"# (\S+\.\w+)\n", text):
            file = folder / name[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.removeprefix(name[0]))
        else:
            raise AssertionError(f"nothing is done with this block:\n{text}")
    return commands


def test_it_keeps_to_the_format_of_skills(skill: Path) -> None:
    """By the reference library of the format; and it is short, for it is read whole."""
    assert validate(skill) == []
    assert len((skill / "SKILL.md").read_text(encoding="utf-8").splitlines()) < 300


def test_its_links_lead_to_all_of_its_references(skill: Path) -> None:
    links = set(re.findall(r"\]\((references/[^)#]+)", (skill / "SKILL.md").read_text(encoding="utf-8")))
    assert links == {path.relative_to(skill).as_posix() for path in (skill / "references").iterdir()}


def test_it_knows_every_property_of_a_key(skill: Path) -> None:
    """And no others; constraints are properties of a key, in a paragraph of their own."""
    text = (skill / "references/schema.md").read_text(encoding="utf-8")
    constraints = text.partition("## Constraints\n")[2].partition(" Inside of a type")[0].replace("`Field`", "")
    properties = text.partition("## Properties of a key\n")[2].partition(" The short form")[0]
    named = re.findall(r"`(\w+)`", constraints) + re.findall(r"`(\w+)`", re.sub(r"\(`.*?\)", "", properties))
    assert sorted(named) == sorted(KEY.properties)


@pytest.mark.parametrize(
    "name", ["SKILL.md", "references/schema.md", "references/server.md", "references/migrations.md"]
)
def test_who_follows_a_page_gets_what_it_says(name: str, skill: Path, tmp_path: Path) -> None:
    assert follow(skill / name, tmp_path) > 0


def test_each_error_is_had_by_the_wrong_schema_and_not_by_the_right_one(skill: Path, tmp_path: Path) -> None:
    text = (skill / "references/errors.md").read_text(encoding="utf-8")
    codes = [code for title in re.findall(r"^## (.*)$", text, re.MULTILINE) for code in title.split(", ")]
    assert [code for code in codes if code not in ALL_CODES] == []
    assert len(codes) >= 12
    tried = []
    for number, (language, block) in enumerate(BLOCK.findall(text)):
        assert language == "yaml"
        (tmp_path / f"s{number}.yaml").write_text(block)
        _, compiled = run(tmp_path, f"mcp-sessiongen generate s{number}.yaml -o out{number}")
        _, linted = run(tmp_path, f"mcp-sessiongen lint s{number}.yaml")
        if found := re.match(r"# (wrong|warns): (\S+)\n", block):
            said = compiled if found[1] == "wrong" else linted
            assert set(re.findall(r"(?:error|warning)\[([\w-]+)\]", said)) == {found[2]}, said
            tried.append(found[2])
        else:
            assert block.startswith("# right\n")
            assert "error[" not in compiled, compiled
            assert linted == "no warnings\n", linted
    assert len(tried) * 2 == number + 1
    assert set(tried) < set(codes)
