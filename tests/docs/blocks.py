"""The blocks of code in README.md and docs/, and which test checks each: ``checks`` says so where the test is."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

REPOSITORY = Path(__file__).resolve().parents[2]
TestT = TypeVar("TestT", bound=Callable[..., object])


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    text: str

    @property
    def file(self) -> str:
        """The name of the file that the block is, which its first line says: ``# schemas/cart.yaml``."""
        found = re.match(r"# ([\w./-]*\.[\w-]+)\n", self.text)
        return found[1] if found else ""


def pages() -> list[str]:
    """Return the names of all pages: README.md, and those of docs/ relative to it."""
    docs = REPOSITORY / "docs"
    return ["README.md", *sorted(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))]


def text_of(page: str) -> str:
    path = REPOSITORY / page if page == "README.md" else REPOSITORY / "docs" / page
    return path.read_text(encoding="utf-8")


def blocks(page: str, language: str | None = None) -> list[Block]:
    return [block for block in _blocks(page) if language in (None, block.language)]


def _blocks(page: str) -> Iterator[Block]:
    begun, inside = None, []
    for number, line in enumerate(text_of(page).splitlines(keepends=True), 1):
        fence = re.match(r" *```(.*)$", line)
        if begun is None:
            begun = (number, fence[1].strip()) if fence else None
        elif fence:
            yield Block(page, *begun, "".join(inside))
            begun, inside = None, []
        else:
            inside.append(line)
    assert begun is None, f"{page}:{begun} is not closed"


def block(page: str, marker: str, language: str | None = None) -> str:
    """Return the text of the one block of a page that contains a marker."""
    [found] = [one.text for one in blocks(page, language) if marker in one.text]
    return found


def checks(page: str, *markers: str) -> Callable[[TestT], TestT]:
    """Say that a test checks those blocks of a page that contain one of the markers; without any, all of them."""
    return lambda test: test


def claims() -> list[tuple[str, str]]:
    """Return all that ``checks`` says in the tests beside this file: pages and markers."""
    found = []
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.targets[0].id: node.value for node in tree.body if _is_name(node)}  # type: ignore[attr-defined]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "checks":
                given = [names[one.id] if isinstance(one, ast.Name) else one for one in node.args]
                page, *markers = [ast.literal_eval(one) for one in given]
                found += [(page, marker) for marker in markers or [""]]
    return found


def _is_name(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)


def sessiongen(*arguments: str, cwd: Path, expect: int = 0) -> str:
    """Run the command line, and return what it prints."""
    command = [sys.executable, "-m", "mcp_sessiongen", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", outside, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def links(text: str) -> list[str]:
    """Return where a page's links lead, without those in code."""
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"(?<!\[)`[^`\n]*`", "", outside))
