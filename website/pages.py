"""The pages of the site, put together from docs/ and what other folders have.

What is written once stays in one place: the front page is README.md, and the changelog is CHANGELOG.md. Links are
changed to fit; one that leads to a file that is no page, such as an example, becomes its mere text. Whatever else leads
nowhere is left for the builder to find.
"""

import posixpath
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent

ELSEWHERE: Final = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/README.md": "benchmarks.md",
    "benchmarks/results.md": "results.md",
}
"""Pages that are not in docs/, and what they are called on the site."""

UNSEARCHED: Final = ("results.md", "changelog.md")
"""Pages that a search does not find: tables of numbers and lists of changes, which have every word."""

PICTURES: Final = (".png", ".svg", ".jpg", ".webp")
_LINK: Final = re.compile(r"(!?)\[((?:[^\]\[]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_ATTRIBUTE: Final = re.compile(r'\b(src|srcset)="([^":]+)"')
_CODE: Final = re.compile(r"(`+)(?:.+?)\1")


def sources(repository: Path = REPOSITORY) -> dict[str, str]:
    """Return what is shown on the site: paths in the repository, and on the site."""
    docs = repository / "docs"
    found = {path.relative_to(repository).as_posix(): path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}
    pictures = (path for path in docs.rglob("*") if path.suffix in PICTURES)
    found |= {path.relative_to(repository).as_posix(): path.relative_to(docs).as_posix() for path in pictures}
    return found | {path: page for path, page in ELSEWHERE.items() if (repository / path).exists()}


def put_together(target: Path, repository: Path = REPOSITORY) -> None:
    """Write all pages into a folder, which is made anew."""
    shutil.rmtree(target, ignore_errors=True)
    known = sources(repository)
    for path, page in known.items():
        place = target / page
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".md"):
            head = "---\nsearch:\n  exclude: true\n---\n" if page in UNSEARCHED else ""
            text = as_page((repository / path).read_text(encoding="utf-8"), path, known)
            place.write_text(head + text, encoding="utf-8")
        else:
            shutil.copyfile(repository / path, place)


def as_page(text: str, path: str, known: dict[str, str]) -> str:
    """Return a page's text with links that fit the site.

    Args:
        text: The page as it is in the repository.
        path: Where that is.
        known: See ``sources``.
    """
    return "".join(line if is_code else _fitted(line, path, known) for is_code, line in _lines(text))


def _lines(text: str) -> Iterator[tuple[bool, str]]:
    """Yield each line, and whether it is part of a block of code."""
    fence = ""
    for line in text.splitlines(keepends=True):
        mark = re.match(r" *(`{3,})", line)
        is_code = bool(fence or mark)
        if mark and (not fence or line.strip() == fence):
            fence = "" if fence else mark[1]
        yield is_code, line


def _fitted(line: str, path: str, known: dict[str, str]) -> str:
    if line.startswith("|"):  # in a table GitHub wants a bar in code escaped, and Python-Markdown shows the escape
        line = _CODE.sub(lambda found: found[0].replace("\\|", "|"), line)
    line = _outside_of_code(line, lambda part: _LINK.sub(lambda found: _link(found, path, known), part))
    return _ATTRIBUTE.sub(lambda found: f'{found[1]}="{_page_of(found[2], path, known) or found[2]}"', line)


def _outside_of_code(line: str, change: Callable[[str], str]) -> str:
    """Change a line, but not what looks like a link inside of ``code``; a link's text may well be code."""
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found[0])
        return f"\0{len(kept) - 1}\0"

    return re.sub(r"\0(\d+)\0", lambda found: kept[int(found[1])], change(_CODE.sub(keep, line)))


def _link(found: re.Match[str], path: str, known: dict[str, str]) -> str:
    picture, text, target = found.groups()
    if re.match(r"[a-z]+:|#", target):
        return found[0]
    file, mark, anchor = target.partition("#")
    page = _page_of(file, path, known)
    if page is not None:
        return f"{picture}[{text}]({page}{mark}{anchor})"
    is_no_page = (REPOSITORY / _place_of(file, path)).exists()
    return str(text) if is_no_page else found[0]


def _page_of(target: str, path: str, known: dict[str, str]) -> str | None:
    """Return how a page of the site reaches what it reached in the repository; None if that is not on the site."""
    page = known.get(_place_of(target, path))
    return None if page is None else posixpath.relpath(page, posixpath.dirname(known[path]) or ".")


def _place_of(target: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
