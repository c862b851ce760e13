"""Many schemas are compiled by two processes, and nobody can tell but by the clock."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs two processors, and Linux"
)

SCHEMA: Final = "sessiongen: 1\nsessions:\n  {name}:\n    keys:\n      visits: int = 0\n      note: str?\n"
IMPORTING: Final = "sessiongen: 1\nsessions:\n  a:\n    keys:\n      item: shop:Item\n"
MODULE: Final = """from pathlib import Path
from pydantic import BaseModel
with Path("imports.txt").open("a") as stream:
    stream.write("once\\n")
class Item(BaseModel):
    sku: str
"""
RUN: Final = """import os, sys
from mcp_sessiongen import second_process
if sys.argv[1] == "alone":
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
serve = second_process._serve
def noted(work, todo, pipe):
    open(".forked", "w").close()
    serve(work, todo, pipe)
second_process._serve = noted
from mcp_sessiongen.cli import main
main(["generate", "schemas", "-o", "out"])
"""


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """Enough schemas for two; one at each end imports a class."""
    folder = tmp_path / "schemas"
    folder.mkdir()
    (tmp_path / "shop.py").write_text(MODULE)
    for number in range(150):
        (folder / f"s{number:03}.yaml").write_text(SCHEMA.format(name=f"s{number}"))
    for name in ("aa", "zz"):
        (folder / f"{name}.yaml").write_text(IMPORTING)
    return folder


def generate(project: Path, how: str) -> tuple[int, str, str, dict[str, bytes]]:
    """Return how it ended, what was printed, and what was written; nothing of it stays."""
    line = [sys.executable, "-W", "error", "-c", RUN, how]
    done = subprocess.run(line, cwd=project, capture_output=True, text=True, check=False)
    assert (project / ".forked").exists() == (how == "both")
    (project / ".forked").unlink(missing_ok=True)
    written = {path.name: path.read_bytes() for path in sorted((project / "out").glob("*"))}
    for name in written:
        (project / "out" / name).unlink()
    return done.returncode, done.stdout, done.stderr, written


def test_two_processes_write_what_one_does(schemas: Path) -> None:
    alone = generate(schemas.parent, "alone")
    assert generate(schemas.parent, "both") == alone
    assert alone[0] == 0
    assert len(alone[3]) == 150 + 2 + 2
    assert (schemas.parent / "imports.txt").read_text() == "once\nonce\n", "the second process imports nothing"


def test_two_processes_find_what_one_does(schemas: Path) -> None:
    for name in ("s000", "s070", "s149", "zz"):
        path = schemas / f"{name}.yaml"
        path.write_text(path.read_text().replace(": int", ": itn").replace("shop:Item", "shop:Itm"))
    (schemas / "s149.yml").write_text(SCHEMA.format(name="other"))
    alone = generate(schemas.parent, "alone")
    assert generate(schemas.parent, "both") == alone
    assert (alone[0], alone[3]) == (2, {})
    assert alone[2].count("error[") == 5, "those of the four, and two files of one name"


def test_a_second_process_that_fails_is_not_missed(schemas: Path) -> None:
    expected = generate(schemas.parent, "alone")
    code = RUN.replace("    serve(work", "    os._exit(1)\n    serve(work")
    done = subprocess.run([sys.executable, "-c", code, "both"], cwd=schemas.parent, capture_output=True, check=False)
    written = {path.name: path.read_bytes() for path in (schemas.parent / "out").glob("*")}
    assert (done.returncode, done.stdout.decode(), written) == (0, expected[1], expected[3])
