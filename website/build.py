"""Build the documentation: ``python website/build.py`` writes build/site, and fails on any warning.

``python website/build.py serve`` shows it at http://127.0.0.1:8008/ as well, for its search works only over HTTP, and
``python website/build.py FOLDER`` builds it elsewhere. The pages are put together beside the site.
"""

import json
import re
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Final

from navigation import NAVIGATION
from pages import REPOSITORY, put_together
from reference import write_reference

SETTINGS: Final = Path(__file__).with_name("zensical.toml")
PORT: Final = 8008
"""Where the site is shown: not at 8000, where the servers of the examples are."""

METHOD_LEVEL: Final = 4
"""The level of a method's heading in the API reference."""


def settings(reference: list[tuple[str, str]]) -> str:
    """Return the builder's settings, with the navigation."""
    lines = ["nav = ["]
    added = {"API": tuple((title, f"api/{file}") for title, file in reference)}
    for section, entries in NAVIGATION:
        found = (*entries, *added.get(section, ()))
        inside = ", ".join(f"{{ {json.dumps(title)} = {json.dumps(page)} }}" for title, page in found)
        lines.append(f"  {{ {json.dumps(section)} = [{inside}] }},")
    text = SETTINGS.read_text(encoding="utf-8").replace("nav = []", "\n".join([*lines, "]"]))
    text = text.replace("../", f"{REPOSITORY.as_posix()}/")
    tomllib.loads(text)
    return text


def compile_example(pages: Path, target: Path) -> None:
    """Compile the schema of the page about accessors, so that the methods it gives are documented."""
    text = (pages / "accessors.md").read_text(encoding="utf-8")
    [schema] = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    target.mkdir(parents=True, exist_ok=True)
    (target / "cart.yaml").write_text(schema, encoding="utf-8")
    command = [sys.executable, "-m", "mcp_sessiongen", "generate", "cart.yaml", "-o", "state", "--force", "--quiet"]
    subprocess.run(command, cwd=target, check=True)


def build(folder: Path) -> int:
    """Run the builder, and print what it says: without its traceback where it has said what is wrong."""
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    said, _, traceback = done.stdout.partition("Traceback (most recent call last)")
    said = said if sys.stdout.isatty() else re.sub(r"\x1b\[[\d;]*m", "", said)
    if done.returncode:
        is_said = len(said.splitlines()) > 1  # that the build has begun is one line
        print(said if is_said else said + traceback, file=sys.stderr)
    else:
        lower_the_api(folder / "site/search.json")
        pages = len(list((folder / "site").rglob("*.html")))
        print(f"{folder / 'site'}: {pages} pages; read them with `make docs-serve`: their search needs HTTP")
    return done.returncode


def lower_the_api(index: Path) -> None:
    """Have methods found by their names alone: what is said of each would stand before all guides."""
    found = json.loads(index.read_text(encoding="utf-8"))
    for item in found["items"]:
        if item["location"].startswith("api/") and item["level"] >= METHOD_LEVEL:
            item["text"] = ""
    index.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Build the site, or serve it; return the builder's exit code."""
    is_served = arguments == ["serve"]
    folder = REPOSITORY / "build" if is_served or not arguments else Path(arguments[0]).resolve()
    pages = folder / "pages"
    put_together(pages)
    compile_example(pages, folder / "example")
    reference = write_reference(pages / "api", REPOSITORY / "runtime")
    (pages / "style.css").write_bytes(Path(__file__).with_name("style.css").read_bytes())
    (folder / "zensical.toml").write_text(settings(reference), encoding="utf-8")
    code = build(folder)
    if is_served and not code:
        command = [sys.executable, "-m", "http.server", str(PORT), "--bind", "127.0.0.1", "--directory", "site"]
        with suppress(KeyboardInterrupt):
            return subprocess.run(command, cwd=folder, check=False).returncode
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
