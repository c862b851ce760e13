"""What the page about the architecture says of imports is so, and its maps have the modules that there are."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.blocks import REPOSITORY, text_of

CODEGEN = REPOSITORY / "codegen/mcp_sessiongen"
RUNTIME = REPOSITORY / "runtime/mcp_sessions"
LOOK_INTO_STORES = ("commands/migrate.py", "commands/stores.py", "commands/studio.py", "commands/sessions/")
MAPPED = (
    *(CODEGEN / name for name in ("studio", "commands/sessions")),
    *(RUNTIME / name for name in ("fastmcp", "admin", "testing", "stores", "stores/redis", "stores/notices")),
)


def imports(node: ast.AST, deep: bool) -> Iterator[str]:
    """Yield what is imported, ``deep`` also inside of functions; what only type checkers see is left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and not child.level:
            yield child.module or ""
        elif deep or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imports(child, deep)


def importing(package: Path, *unwanted: str, deep: bool) -> set[str]:
    """Return the files of a package that import one of those."""
    found = set()
    for path in package.rglob("*.py"):
        modules = {name.partition(".")[0] for name in imports(ast.parse(path.read_text(encoding="utf-8")), deep)}
        if modules & set(unwanted):
            found.add(path.relative_to(package).as_posix())
    return found


def test_of_the_compiler_only_the_studio_imports_the_runtime_when_it_is_loaded() -> None:
    assert {name.partition("/")[0] for name in importing(CODEGEN, "mcp_sessions", "mcp", deep=False)} == {"studio"}


def test_of_the_compiler_only_what_looks_into_stores_ever_imports_the_runtime() -> None:
    found = importing(CODEGEN, "mcp_sessions", "mcp", deep=True)
    assert {name for name in found if not name.startswith((*LOOK_INTO_STORES, "studio/"))} == set()
    assert set(LOOK_INTO_STORES[:3]) <= found


def test_only_its_command_imports_the_studio() -> None:
    found = {
        path.relative_to(CODEGEN).as_posix()
        for path in CODEGEN.rglob("*.py")
        for name in imports(ast.parse(path.read_text(encoding="utf-8")), deep=True)
        if name.startswith("mcp_sessiongen.studio") and path.parent.name != "studio"
    }
    assert found == {"commands/studio.py"}


def test_the_runtime_never_imports_the_compiler_or_what_only_that_needs() -> None:
    assert importing(RUNTIME, "mcp_sessiongen", "jinja2", "click", deep=True) == set()


@pytest.mark.parametrize(
    "folder",
    MAPPED,
    ids=lambda folder: folder.relative_to(REPOSITORY).as_posix(),
)
def test_the_maps_have_every_module(folder: Path) -> None:
    page = text_of("architecture.md")
    modules = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    assert [name for name in modules if not re.search(rf"\b{name}\b", page)] == []
