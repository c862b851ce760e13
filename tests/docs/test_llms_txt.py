"""llms.txt keeps to the format of llmstxt.org, and what it says is so."""

import re
import tomllib
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def text(repository: Path) -> str:
    return (repository / "llms.txt").read_text(encoding="utf-8")


def test_it_has_a_title_a_summary_and_sections_of_links(text: str) -> None:
    """An H1, a blockquote, paragraphs or lists without headings, then H2s with nothing but lists of links."""
    head, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    assert re.match(r"# \S.*\n\n(> .*\n)+\n", head)
    assert not re.search(r"^#", head.partition("\n")[2], re.MULTILINE)
    assert [section.partition("\n")[0] for section in sections][-1] == "Optional"
    for section in sections:
        title, _, items = section.partition("\n")
        lines = [line for line in items.splitlines() if line]
        assert lines, title
        assert [line for line in lines if not re.fullmatch(r"- \[[^]]+\]\([^)]+\): .+", line)] == []


def test_its_links_lead_to_files_each_once(text: str, repository: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) == len(set(links)) > 10
    assert [link for link in links if not (repository / link).is_file()] == []


def test_every_page_of_the_docs_is_there(text: str, repository: Path) -> None:
    pages = {path.relative_to(repository).as_posix() for path in (repository / "docs").rglob("*.md")}
    assert pages - set(re.findall(r"\]\(([^)#]+)", text)) == set()


def test_it_and_the_readme_say_that_the_distribution_is_not_published(text: str, repository: Path) -> None:
    """For errors name the command that will install it."""
    for said in (text, (repository / "README.md").read_text(encoding="utf-8")):
        assert "not on a package index yet" in said


def test_it_names_versions_and_extras_as_they_are(text: str, repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [line] = re.findall(r"^- Its extras are .*$", text, re.MULTILINE)
    named, versions = line.split("extras are ")[1].split(". ", 1)
    assert set(re.findall(r"`(\w+)`", named)) <= set(project["optional-dependencies"])
    assert f"Python {project['requires-python'].removeprefix('>=')} or newer" in versions
    assert any(one.startswith("mcp>=2.3") for one in project["dependencies"])
