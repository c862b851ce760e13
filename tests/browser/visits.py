"""A real Chromium, headless, and visits of it to studios."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from tests.browser.data import fill
from tests.browser.studios import Address, studio

PATIENCE_MILLISECONDS = 30_000
"""How long a page may take on a machine that is busy."""

expect.set_options(timeout=PATIENCE_MILLISECONDS)


def chromium_options() -> dict[str, Any]:
    """Return how Chromium is started: Debian's, and without its sandbox only as root, where it cannot have one."""
    found = shutil.which("chromium")
    if found is None:
        pytest.fail("there is no chromium on the PATH; scripts/browser says how to install it")
    return {"executable_path": found, "args": ["--no-sandbox"] if os.geteuid() == 0 else []}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium_options())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe(repository: Path) -> str:
    """The source of axe-core."""
    file = repository / "build/browser/node_modules/axe-core/axe.min.js"
    if not file.exists():
        pytest.fail("axe-core is not in build/browser: run scripts/browser, or make test-browser")
    return file.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A studio that only reads, on a database that nobody changes."""
    database = tmp_path_factory.mktemp("reading") / "sessions.db"
    fill(database)
    with studio(database) as address:
        yield address


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A studio on a store that holds nothing."""
    database = tmp_path_factory.mktemp("empty") / "sessions.db"
    fill(database, 0)
    with studio(database, "--write") as address:
        yield address


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[Address]:
    """A studio that may write, on a database of the test's own."""
    database = tmp_path / "sessions.db"
    fill(database, 12)
    with studio(database, "--write", "--reveal") as address:
        yield address


@dataclass
class Visit:
    """A page of a studio, and what the browser had to complain about."""

    page: Page
    address: Address
    complaints: list[str]

    def open(self, path: str) -> Page:
        self.page.goto(self.address.base + path)
        return self.page

    def open_first(self, path: str) -> Page:
        """Open the first session of a list."""
        self.open(path).locator("tbody th a").first.click()
        return self.page


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Enter a studio with a new browser; nothing may have been blocked, and no script may have failed."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            complaints.append(message.text)  # what was not loaded are the pages of errors themselves

    def enter(address: Address, **options: Any) -> Visit:
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        page = context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.goto(address.entrance)
        return Visit(page, address, complaints)

    yield enter
    for context in contexts:
        context.close()
    assert complaints == []
