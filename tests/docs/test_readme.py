"""The README is true: its code runs, its schema compiles, and what it shows is what is printed."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from mcp import Client
from mcp_types import TextContent
from tests.docs.blocks import block, checks, sessiongen, text_of

HANDLE = re.compile(r"_[a-z2-7]{4}\.\.\.")


@checks("README.md", "A counter that lives", "class CounterSession(", "sessions.run(", "sessions list")
def test_the_schema_gives_the_code_and_the_tool_works_in_both_eras(isolated: Path) -> None:
    (isolated / "schemas").mkdir()
    (isolated / "schemas/counter.yaml").write_text(block("README.md", "A counter that lives"))
    sessiongen("schemas/counter.yaml", "-o", "state", cwd=isolated)
    generated = (isolated / "state/counter.py").read_text()
    for line in block("README.md", "class CounterSession(").splitlines():
        assert line.removesuffix(" ...") in generated
    scope: dict[str, Any] = {"__name__": "readme"}
    exec(block("README.md", "sessions.run("), scope)

    async def use() -> list[str]:
        answers: list[str] = []
        async with Client(scope["mcp"], mode="legacy") as legacy, Client(scope["mcp"]) as modern:
            handle = (await modern.call_tool("create_counter", {})).structured_content or {}
            for client, arguments in ((legacy, {"by": 2}), (legacy, {}), (modern, handle), (modern, {})):
                result = await client.call_tool("increment", {k: v for k, v in arguments.items() if k != "retention"})
                answers += [block.text for block in result.content if isinstance(block, TextContent)]
        await scope["sessions"].aclose()
        return answers

    *counted, refused = asyncio.run(use())
    assert counted == ["Counter: 2", "Counter: 3", "Counter: 1"]
    assert "create_counter" in refused
    command = block("README.md", "sessions list").removeprefix("$ mcp-sessiongen ").split()
    listed = sessiongen(*command, cwd=isolated).splitlines()
    assert sorted(line.split()[1][:5] for line in listed) == ["SESSI", "count", "mcps-"]


def test_the_schema_in_the_readme_is_the_one_in_schemas(repository: Path) -> None:
    assert block("README.md", "A counter that lives") in (repository / "schemas/counter.yaml").read_text()


@checks("README.md", "mcp-sessiongen init")
def test_a_project_is_begun_as_shown(tmp_path: Path) -> None:
    begin, test = block("README.md", "mcp-sessiongen init").splitlines()[1].removeprefix("$ ").rsplit(" && ", 1)
    for command in begin.split(" && "):
        sessiongen(*command.split()[1:], cwd=tmp_path)
    assert test.startswith("python ")
    line = [sys.executable, *test.split()[1:], "-p", "no:cacheprovider"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_extra_is_named(repository: Path) -> None:
    import tomllib

    extras = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    install = text_of("README.md").partition("## Install")[2].partition("\n## ")[0]
    assert [extra for extra in extras if f"`{extra}`" not in install] == []


@checks("README.md", "$ make test")
def test_make_test_does_what_is_shown(repository: Path) -> None:
    shown = re.findall(r"^(==> .*)$", text_of("README.md"), re.MULTILINE)
    assert len(shown) == 5
    makefile = (repository / "Makefile").read_text()
    assert [line for line in shown if f'echo "{line}"' not in makefile] == []


@checks("README.md", "$ make demo")
def test_make_demo_prints_what_is_shown(repository: Path) -> None:
    shown = block("README.md", "$ make demo").partition("$ make test")[0].splitlines()[1:]
    done = subprocess.run(
        [sys.executable, repository / "examples/demo.py"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    printed = HANDLE.sub("_xxxx...", done.stdout)
    assert [line for line in shown if HANDLE.sub("_xxxx...", line) not in printed] == []
