"""The page on operating a server is true: its commands, run one after the other, print what it shows."""

import asyncio
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mcp_sessions import owner_of
from mcp_sessions.stores import TRANSPORT_SCHEMA, Access, Address, Lifetime, SQLiteStore

SCHEMA = """
sessiongen: 1
types:
  Item:
    fields: {sku: str, price: Decimal, gift: "dict[str, str] = {}"}
sessions:
  cart:
    lifetime: {idle: 4d, max: 14d}
    keys:
      items: {type: "list[Item]", default: [], doc: What is in it.}
      status: {type: "Literal['open', 'paid']", default: open}
      coupon: str?
      api_key: str
  wizard:
    lifetime: {idle: 4d}
    keys: {step: int = 1}
"""
OWNER = owner_of("web-app", "https://auth.example.org", "user-17")
OTHER = owner_of("web-app", "https://auth.example.org", "user-4")
HOUR, DAY = 3600.0, 86400.0
ITEMS = b'[{"sku":"A-7","price":"9.90","gift":{"from":"Kim","token":"tok-1"}}]'
TIMES = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")
SQLITE = re.compile(r"SQLite 3\.\d+\.\d+")


async def fill(path: Path) -> None:
    """What the page shows: sessions that began and were used so many hours ago, as hours do not pass meanwhile."""
    now = start = time.time()
    store = SQLiteStore(path, clock=lambda: now)

    def handle(id: str, owner: str | None) -> Access:
        return Access(Address("handle", id, id.partition("_")[0]), owner, digest="x", since=1)

    cart, mcp = (
        handle("cart_e52x" + "q" * 28, OWNER),
        Access(Address("transport", "mcps-t6dw" + "q" * 28, TRANSPORT_SCHEMA), OWNER),
    )
    now = start - 123.5 * HOUR
    await store.create(cart, Lifetime(4 * DAY, 14 * DAY), {"items": ITEMS, "api_key": b'"sk-live-1"'})
    for hours in (90.0, 26.2):
        now = start - hours * HOUR
        await store.touch(cart)
    now = start - 29.5 * HOUR
    await store.create(
        handle("cart_7qpz" + "q" * 28, OTHER),
        Lifetime(4 * DAY, 14 * DAY),
        {"status": b'"lost"', "coupon": b'"' + b"M" * 26 + b'"'},
    )
    await store.create(handle("wizard_k3ma" + "q" * 28, None), Lifetime(4 * DAY), {"step": b"2"})
    await store.create(replace(mcp, digest=""), Lifetime(4 * DAY))
    await store.aclose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[tool.mcp-sessiongen]\nsources = ["schemas"]\noutput = "state"\n')
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas/shop.yaml").write_text(SCHEMA)
    run(tmp_path, "mcp-sessiongen generate")
    asyncio.run(fill(tmp_path / "sessions.db"))
    return tmp_path


def run(folder: Path, command: str) -> str:
    """Run a line of a shell, and return what it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "MCP_SESSIONS_STORE": "sqlite:///sessions.db", "LC_ALL": "C"}
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stderr + done.stdout if "|" in command else done.stdout + done.stderr


def normal(text: str) -> str:
    """Return a text without what is another one each day, and on each machine."""
    return SQLITE.sub("SQLite 3.x", TIMES.sub("<when>", text))


def test_the_commands_print_what_the_page_shows(repository: Path, folder: Path) -> None:
    page = (repository / "docs/operating.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 8
    for block in blocks:
        for shown in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = shown.partition("\n")
            assert normal(run(folder, command)) == normal(printed), command


def test_the_hash_of_an_owner_is_made_as_the_page_says(repository: Path) -> None:
    page = (repository / "docs/operating.md").read_text(encoding="utf-8")
    code, _ = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == OWNER
    assert OWNER[:16] in page
    assert re.findall(r"^```(\w+)$", page, re.MULTILINE) == [*["console"] * 3, "python", *["console"] * 5, "python"]


def test_the_library_does_what_the_page_says(repository: Path, folder: Path) -> None:
    page = (repository / "docs/operating.md").read_text(encoding="utf-8")
    _, code = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for said in ("wizard wizard_k3ma... 5 bytes\n", ""):
        line = [sys.executable, "-c", code]
        done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=120, check=True)
        assert done.stdout == said


def test_every_option_that_the_page_names_is_there(repository: Path, folder: Path) -> None:
    page = (repository / "docs/operating.md").read_text(encoding="utf-8")
    subcommands = ("list", "show", "end", "purge", "stats", "export", "import", "doctor")
    there = "".join(run(folder, f"mcp-sessiongen sessions {name} --help") for name in subcommands)
    assert [option for option in set(re.findall(r"--[a-z][a-z-]+", page)) if option not in there] == []
