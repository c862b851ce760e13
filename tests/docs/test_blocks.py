"""Every block of code of every page is checked, every link leads somewhere, and every page is in the navigation."""

import re
import runpy
from pathlib import Path

import pytest
from tests.docs.blocks import REPOSITORY, Block, anchors, blocks, claims, links, pages, text_of

ELSEWHERE = {
    "ci.md": "tests/docs/test_ci.py",
    "deployment.md": "tests/deployment/test_files.py",
    "editors.md": "tests/docs/test_editors.py",
    "fastmcp.md": "tests/docs/test_fastmcp_pages.py",
    "moving-from-fastmcp-state.md": "tests/docs/test_fastmcp_pages.py",
    "operating.md": "tests/docs/test_operating.py",
    "resources.md": "tests/docs/test_resources_page.py",
    "studio.md": "tests/docs/test_studio_page.py",
    "testing.md": "tests/docs/test_testing.py",
}
"""Pages that a test of their own checks as a whole, without ``checks``, and where that is."""

UNCHECKED = {
    ("architecture.md", ""): "drawings of what is where: no code",
    ("moving-from-nuxt.md", "typescript"): "of another language, for a package that is not installed here",
}
"""Blocks that nothing checks, by page and language, and why."""


def test_every_block_is_checked_by_a_test() -> None:
    said = claims()

    def is_checked(block: Block) -> bool:
        return any(page == block.page and marker in block.text for page, marker in said)

    rest = [one for page in pages() if page not in ELSEWHERE for one in blocks(page) if not is_checked(one)]
    assert [f"{one.page}:{one.line}" for one in rest if (one.page, one.language) not in UNCHECKED] == []
    assert {(one.page, one.language) for one in rest} == set(UNCHECKED)


def test_what_is_said_to_be_checked_is_there() -> None:
    stale = [(page, marker) for page, marker in claims() if not any(marker in block.text for block in blocks(page))]
    assert stale == []


def test_pages_that_are_checked_elsewhere_are_named_there() -> None:
    for page, test in ELSEWHERE.items():
        assert page in pages()
        assert page in (REPOSITORY / test).read_text(encoding="utf-8")


def test_links_lead_somewhere() -> None:
    found = 0
    for page in pages():
        here = REPOSITORY / "README.md" if page == "README.md" else REPOSITORY / "docs" / page
        for link in links(text_of(page)):
            if re.match(r"https?://", link):
                continue
            found += 1
            file, _, anchor = link.partition("#")
            place = here.parent / file if file else here
            assert place.exists(), f"{page}: {link}"
            assert not anchor or anchor in anchors(place.read_text(encoding="utf-8")), f"{page}: {link}"
    assert found > 100


def test_every_page_is_in_the_navigation() -> None:
    names = _navigation()
    assert sorted(page for page in pages() if page not in ("README.md", *names)) == []
    assert len(names) == len(set(names))


def test_the_navigation_names_only_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "website"))
    sources = runpy.run_path(str(REPOSITORY / "website/pages.py"))["ELSEWHERE"]
    assert set(_navigation()) - set(pages()) - set(sources.values()) == set()
    assert all((REPOSITORY / path).exists() for path in sources)


def _navigation() -> list[str]:
    sections = runpy.run_path(str(Path(REPOSITORY) / "website/navigation.py"))["NAVIGATION"]
    return [page for _, entries in sections for _, page in entries]
