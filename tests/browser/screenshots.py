"""Takes the pictures of the studio for the docs: ``make screenshots``. What they show is made up."""

import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from tests.browser.data import fill
from tests.browser.studios import REPOSITORY, Address, studio

IMAGES: Final = REPOSITORY / "docs" / "images"
MOST_BYTES: Final = 150_000
SIZE: Final = {"width": 1120, "height": 880}


def sessions(page: Page, address: Address) -> None:
    page.goto(f"{address.base}/?sort=used")


def session(page: Page, address: Address) -> None:
    page.goto(f"{address.base}/?schema=wizard&space=transport")
    page.locator("tbody th a").first.click()


def overview(page: Page, address: Address) -> None:
    page.goto(f"{address.base}/overview")
    page.get_by_role("heading", name="Schemas").wait_for()


def edit(page: Page, address: Address) -> None:
    session(page, address)
    page.get_by_role("link", name="Edit framework").click()
    page.get_by_label("Value, as JSON").fill('"next.js"')
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()


PICTURES: Final = (
    ("sessions", sessions, "light"),
    ("sessions", sessions, "dark"),
    ("session", session, "light"),
    ("session", session, "dark"),
    ("overview", overview, "light"),
    ("overview", overview, "dark"),
    ("edit", edit, "light"),
)


def save(picture: bytes, path: Path) -> None:
    """Save a picture with as many colours as it needs to look right, and no more."""
    image = Image.open(io.BytesIO(picture)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.save(path, optimize=True)
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path.name} has {path.stat().st_size} bytes; {MOST_BYTES} are the most")


def main() -> None:
    """Take all pictures."""
    IMAGES.mkdir(exist_ok=True)
    options = {"executable_path": shutil.which("chromium"), "args": ["--no-sandbox"] if os.geteuid() == 0 else []}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        database = Path(folder) / "sessions.db"
        fill(database)
        browser = playwright.chromium.launch(**options)
        with studio(database, "--write") as address:
            for name, reach, scheme in PICTURES:
                context = browser.new_context(color_scheme=scheme, viewport=SIZE, device_scale_factor=1.5)
                page = context.new_page()
                page.goto(address.entrance)
                reach(page, address)
                page.evaluate("document.activeElement?.blur()")
                save(page.screenshot(animations="disabled"), IMAGES / f"studio-{name}-{scheme}.png")
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
