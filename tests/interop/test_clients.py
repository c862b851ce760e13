"""Clients that others wrote, against two processes of the example server on one file, each request to the other one."""

import itertools
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.interop.conftest import Cluster
from tests.interop.conversation import Era, Step, steps

PLAYERS = Path(__file__).parent / "players"
Installed = Callable[[str], Path]
Run = Callable[..., str]

INSPECTOR_TOOL_ERROR = 5  # the exit code of its command line when a tool's answer is an error


@pytest.fixture
def player(installed: Installed, tmp_path: Path) -> Callable[[str, str], list[str | Path]]:
    """The command of a player, in the environment of that name."""

    def player(program: str, part: str) -> list[str | Path]:
        if part == "ours":
            return [sys.executable, PLAYERS / program]
        home = installed(part)
        if part != "node":
            return [home / "bin" / "python", PLAYERS / program]
        for script in PLAYERS.glob("*.mjs"):
            shutil.copy(script, tmp_path)  # beside the packages, for that is where Node looks for them
        (tmp_path / "node_modules").symlink_to(home / "node_modules")
        return [home / "node", tmp_path / program]

    return player


@pytest.mark.parametrize(
    ("program", "part", "era"),
    [
        ("mcp_2.py", "ours", "legacy"),
        ("mcp_2.py", "ours", "modern"),
        ("mcp_1.py", "mcp-1", "legacy"),
        ("fastmcp_4.py", "fastmcp-4", "legacy"),
        ("fastmcp_4.py", "fastmcp-4", "modern"),
        ("sdk_1.mjs", "node", "legacy"),
        ("client_2.mjs", "node", "legacy"),
        ("client_2.mjs", "node", "modern"),
    ],
)
def test_a_client_hears_what_is_right_from_two_processes_in_turn(
    program: str, part: str, era: Era, player: Any, cluster: Cluster, run: Run
) -> None:
    before = len(cluster.seen())
    conversation = steps(era)
    task = {"url": cluster.url, "era": era, "steps": [step.as_json() for step in conversation]}
    heard = json.loads(run(player(program, part), json.dumps(task)))
    assert_right(conversation, heard)
    seen = cluster.seen()[before:]
    assert_in_turn(seen)
    assert_no_errors(seen)
    whats = Counter(what for _, what, _ in seen)
    assert {server for server, what, _ in seen if what == "tools/call"} == {0, 1}
    if era == "legacy":
        assert (whats["initialize"], whats["DELETE"]) == (2, 2)
    else:
        assert (whats["initialize"], whats["DELETE"]) == (0, 0)


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_each_run_of_the_inspector_hears_what_is_right(
    era: Era, installed: Installed, cluster: Cluster, run: Run
) -> None:
    """Each run is a client of its own, which ends after one request; what a handle names outlives it."""
    home = installed("node")
    program = (
        home / "node_modules" / "@modelcontextprotocol" / "inspector" / "clients" / "launcher" / "build" / "index.js"
    )
    command = [home / "node", program, "--cli", cluster.url, "--transport", "http", "--protocol-era", era]
    command += ["--format", "json", "--quiet", "--method"]
    before = len(cluster.seen())
    conversation = steps(era, remembers=False)
    heard: list[Any] = []
    handle = ""
    for step in conversation:
        if step.tool is None:
            answer = json.loads(run([*command, "tools/list"]))["result"]
            heard.append([tool["name"] for tool in answer["tools"]])
            continue
        given = {key: handle if value == "$handle" else value for key, value in step.arguments.items()}
        call = [*command, "tools/call", "--tool-name", step.tool, "--tool-args-json", json.dumps(given)]
        answer = json.loads(run(call, codes=(INSPECTOR_TOOL_ERROR,) if step.error else (0,)))["result"]
        handle = answer.get("structuredContent", {}).get("counter", handle)
        text = "".join(block["text"] for block in answer["content"])
        heard.append({"text": text, "error": answer.get("isError", False)})
    assert_right(conversation, heard)
    seen = cluster.seen()[before:]
    assert_in_turn(seen)
    assert_no_errors(seen)
    whats = Counter(what for _, what, _ in seen)
    assert whats["initialize"] == (len(conversation) if era == "legacy" else 0)


def assert_right(conversation: list[Step], heard: list[Any]) -> None:
    assert len(heard) == len(conversation)
    wrong = [(step, answer) for step, answer in zip(conversation, heard, strict=True) if not step.is_right(answer)]
    assert not wrong


def assert_in_turn(seen: list[tuple[int, str, int]]) -> None:
    servers = [server for server, _, _ in seen]
    assert all(one != other for one, other in itertools.pairwise(servers))


def assert_no_errors(seen: list[tuple[int, str, int]]) -> None:
    """Nothing was refused but the stream that a client may ask for and a server need not have."""
    assert not [(what, status) for _, what, status in seen if status >= 400 and (what, status) != ("GET", 405)]
