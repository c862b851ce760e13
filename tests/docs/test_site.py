"""The site builds without a warning, needs nothing from other sites, and has every public name."""

import json
import re
import runpy
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import griffe
import pytest
from tests.docs.blocks import REPOSITORY, pages

RUNTIME = REPOSITORY / "runtime"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "website/build.py", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


class Loads(HTMLParser):
    """Collects what a page has a browser load by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag in ("script", "img", "iframe", "source", "video", "audio", "embed", "object"):
            self.found += [given.get(name) or "" for name in ("src", "srcset", "data", "poster")]
        if tag == "link" and given.get("rel") not in ("canonical", "prev", "next", "alternate"):
            self.found.append(given.get("href") or "")


def test_every_page_is_built_and_loads_nothing_from_other_sites(site: Path) -> None:
    wanted = {page.removesuffix(".md") + ".html" for page in pages() if page != "README.md"} | {"index.html"}
    assert wanted <= {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    for page in site.rglob("*.html"):
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert len(loads.found) > 3
        assert [url for url in loads.found if re.match(r"(https?:)?//", url)] == [], page
    for style in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)\"']*", style.read_text(encoding="utf-8")) == []


def test_a_search_finds_guides_before_methods_and_no_tables_of_numbers(site: Path) -> None:
    items = json.loads((site / "search.json").read_text(encoding="utf-8"))["items"]
    pages = {item["location"].partition("#")[0] for item in items}
    assert {"index.html", "stores.html", "api/stores.html"} <= pages
    assert not {"results.html", "changelog.html"} & pages
    methods = [item for item in items if item["location"].startswith("api/") and item["level"] > 3]
    assert any("increment_visits" in item["title"] for item in methods)
    assert [item["location"] for item in methods if item["text"]] == []


def test_of_a_terminal_only_commands_are_copied(site: Path) -> None:
    """The page's script copies what is shown of an element while that is marked; the style leaves out the rest."""
    assert "[data-md-copying] :is(.gp, .go) {\n  display: none;" in (site / "style.css").read_text(encoding="utf-8")
    [script] = (site / "assets/javascripts").glob("bundle.*.js")
    assert re.search(r'setAttribute\("data-md-copying".{,120}\.innerText', script.read_text(encoding="utf-8"))
    page = (site / "operating.html").read_text(encoding="utf-8")
    assert '<span class="gp">$ </span>' in page
    assert '<span class="go">' in page


def test_the_site_is_shown_at_a_port_that_no_example_serves_at(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(repository / "website"))
    port = str(runpy.run_path(str(repository / "website/build.py"), run_name="build")["PORT"])
    for file in ("Makefile", "CONTRIBUTING.md", "README.md", "website/build.py"):
        assert f"http://127.0.0.1:{port}/" in (repository / file).read_text(encoding="utf-8"), file
    assert port != "8000"


def test_a_broken_link_or_an_unknown_name_fails_the_build(tmp_path: Path) -> None:
    """Else the test above would prove little."""
    for text in ("[a](nowhere.md)", "[a](index.md#nowhere)", "::: mcp_sessions.Nothing"):
        (tmp_path / "pages").mkdir(exist_ok=True)
        (tmp_path / "pages/index.md").write_text(f"# Title\n\n{text}\n")
        settings = (REPOSITORY / "website/zensical.toml").read_text().replace("../runtime", str(RUNTIME))
        (tmp_path / "zensical.toml").write_text(
            settings.replace("nav = []", "").replace('extra_css = ["style.css"]', "")
        )
        command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode != 0, text


@pytest.fixture(scope="module")
def public() -> dict[str, list[str]]:
    names: dict[str, list[str]] = reference()["public_names"](RUNTIME)
    assert {"mcp_sessions", "mcp_sessions.server", "mcp_sessions.stores", "mcp_sessions.testing"} <= set(names)
    return names


def reference() -> dict[str, Any]:
    return runpy.run_path(str(REPOSITORY / "website/reference.py"))


def test_every_public_name_and_its_methods_are_on_a_page(site: Path, public: dict[str, list[str]]) -> None:
    shown = "".join(path.read_text(encoding="utf-8") for path in (site / "api").glob("*.html"))
    headings = set(re.findall(r'id="([\w.]+)"', shown))
    for module, names in public.items():
        for name in names:
            assert any(heading.split(".")[-1] == name for heading in headings), f"{module}.{name}"
    generated = (site / "api/generated.html").read_text(encoding="utf-8")
    for method in ("get_visits", "increment_visits", "append_items", "put_prices", "take_coupon", "update_status"):
        assert f'id="state.cart.CartSession.{method}"' in generated
    base = (site / "api/mcp_sessions.html").read_text(encoding="utf-8")
    for method in ("snapshot", "transaction", "transact", "touch", "end", "create", "open", "current", "expires_at"):
        assert f'id="mcp_sessions.Session.{method}"' in base, method
    server = (site / "api/server.html").read_text(encoding="utf-8")
    for method in ("http_app", "run", "lifespan", "on_end", "end_all"):
        assert f'id="mcp_sessions.server.Sessions.{method}"' in server, method


def test_no_page_of_the_api_has_a_module_in_place_of_a_function_or_a_name_twice(site: Path) -> None:
    """A function that has the name of its module is the function: ``mcp_sessions.admin.statistics``."""
    for page in (site / "api").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "doc-symbol-module" not in text, page.name
        names = [path.split(".")[-1] for path in re.findall(r'<h3 id="(mcp_sessions[\w.]+)"', text)]
        assert [name for name in set(names) if names.count(name) > 1] == [], page.name
    admin = (site / "api/admin.html").read_text(encoding="utf-8")
    for name in ("diagnose", "statistics", "summaries"):
        assert re.search(rf'<h3 id="[\w.]+\.{name}" class="doc doc-heading">\s*<code class="[^"]*function"', admin), (
            name
        )


def test_every_module_of_the_api_has_a_page_that_was_chosen() -> None:
    """What is for ourselves alone lists nothing in ``__all__``; what belongs to a page is on it."""
    loaded = reference()
    pages = loaded["sections"](loaded["public_names"](RUNTIME))
    assert set(pages) - set(loaded["PAGES"]) == {"mcp_sessions.admin", "mcp_sessions.fastmcp"}
    assert "mcp_sessions.resources.bus" in pages["mcp_sessions.server"]


def test_every_public_name_has_a_docstring(public: dict[str, list[str]]) -> None:
    package = griffe.load("mcp_sessions", search_paths=[RUNTIME])
    lacking = []
    for module, names in public.items():
        for name in names:
            found = package[f"{module}.{name}".removeprefix("mcp_sessions.")]
            found = found.final_target if found.is_alias else found
            lacking += [f"{module}.{name}"] * (not found.has_docstring)
            if found.is_class:
                methods = [one for one in found.members.values() if one.is_function and not one.name.startswith("_")]
                lacking += [f"{module}.{name}.{one.name}" for one in methods if not one.has_docstring]
    assert [name for name in lacking if not name.startswith("mcp_sessions.testing.contract.StoreContract.")] == []


def test_links_between_pages_are_those_of_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "website"))
    as_page = runpy.run_path(str(REPOSITORY / "website/pages.py"))["as_page"]
    known = {"README.md": "index.md", "docs/a.md": "a.md", "benchmarks/results.md": "results.md"}
    text = (
        "[x](docs/a.md#b) [`e`](examples/server.py) [r](benchmarks/results.md) [w](https://e.example) `[c](docs/a.md)`"
    )
    fitting = "[x](a.md#b) `e` [r](results.md) [w](https://e.example) `[c](docs/a.md)`"
    assert as_page(text, "README.md", known) == fitting
    picture = '<img alt="a" src="docs/a.md"> ![b](docs/a.md)'
    assert as_page(picture, "README.md", known) == '<img alt="a" src="a.md"> ![b](a.md)'
    assert as_page("[x](nowhere.md)", "docs/a.md", known) == "[x](nowhere.md)"
    assert as_page("```\n[x](../README.md)\n```\n[x](../README.md)\n", "docs/a.md", known) == (
        "```\n[x](../README.md)\n```\n[x](index.md)\n"
    )
    assert as_page("| `T \\| None` |\n", "docs/a.md", known) == "| `T | None` |\n"
