"""The pages about the API, made from what public modules list in ``__all__``: a new name is there by itself.

A name that several modules list is shown where the first of ``PAGES`` has it, for that is where users import it from.
"""

import ast
from pathlib import Path
from typing import Final

PAGES: Final = {
    "mcp_sessions": ("mcp_sessions", "mcp_sessions.errors", "mcp_sessions.bulk"),
    "mcp_sessions.server": (
        "mcp_sessions.server",
        "mcp_sessions.middleware",
        "mcp_sessions.observing",
        "mcp_sessions.event_store",
        "mcp_sessions.resources.bus",
    ),
    "mcp_sessions.stores": ("mcp_sessions.stores",),
    "mcp_sessions.testing": ("mcp_sessions.testing",),
}
"""Pages, and the modules that they begin with; every other module has its place behind its package, or a page."""

GENERATED: Final = """# Generated accessors

What `mcp-sessiongen generate` makes of the schema on the page [Accessors](../accessors.md). The class has these methods
for each of its keys, and those of [Session](mcp_sessions.md#mcp_sessions.Session) besides.

::: state.cart.CartSession
    options: {inherited_members: false}

::: state.cart.CartState
    options: {inherited_members: false}

::: state.cart.Item
    options: {inherited_members: false}
"""


def public_names(runtime: Path) -> dict[str, list[str]]:
    """Return all public modules with what they list in ``__all__``."""
    found = {}
    for path in sorted(runtime.rglob("*.py")):
        parts = path.relative_to(runtime).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(node, ast.Assign) and isinstance(target, ast.Name) and target.id == "__all__":
                found[module] = list(ast.literal_eval(node.value))
    return found


def sections(names: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return which modules each page is about, in order."""
    pages = {page: list(modules) for page, modules in PAGES.items()}
    for module in names:
        if any(module in modules for modules in pages.values()):
            continue
        homes = [page for page in pages if page != "mcp_sessions" and module.startswith(f"{page}.")]
        pages[homes[0] if homes else module] = [*pages.get(homes[0] if homes else module, []), module]
    return pages


def write_reference(target: Path, runtime: Path) -> list[tuple[str, str]]:
    """Write the pages into a folder, and return their titles and file names."""
    target.mkdir(parents=True, exist_ok=True)
    names, shown = public_names(runtime), set[str]()
    (target / "generated.md").write_text(GENERATED, encoding="utf-8")
    made = [("Generated accessors", "generated.md")]
    for page, modules in sections(names).items():
        parts = [f"# {page}\n"]
        for module in modules:
            own = [name for name in names.get(module, []) if _home(name, module, names) not in shown]
            shown |= {_home(name, module, names) for name in own}
            if own and module != page:
                parts.append(f"## {module}\n")
            parts += [f"::: {_path(name, module, runtime)}\n" for name in own]
        file = f"{page.removeprefix('mcp_sessions.')}.md"
        (target / file).write_text("\n".join(parts), encoding="utf-8")
        made.append((page, file))
    return made


def _home(name: str, module: str, names: dict[str, list[str]]) -> str:
    """Return what tells a name from others: modules of one package that list the same name mean the same thing."""
    return name if any(name in listed for other, listed in names.items() if other != module) else f"{module}.{name}"


def _path(name: str, module: str, runtime: Path) -> str:
    """Return the path that documents a name: by where it is defined, where a module of the same name would be taken."""
    defined, is_module = module, False
    while True:
        is_module = is_module or _file(f"{defined}.{name}", runtime) is not None
        source = _imported_from(name, defined, runtime)
        if source is None:
            return f"{defined if is_module else module}.{name}"
        defined = source


def _imported_from(name: str, module: str, runtime: Path) -> str | None:
    """Return the module that another one has a name from; None if it is its own."""
    file = _file(module, runtime)
    for node in ast.parse(file.read_text(encoding="utf-8")).body if file else ():
        if isinstance(node, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in node.names):
            return node.module
    return None


def _file(module: str, runtime: Path) -> Path | None:
    place = runtime.joinpath(*module.split("."))
    return next((path for path in (place / "__init__.py", place.with_suffix(".py")) if path.exists()), None)
