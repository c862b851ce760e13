"""Clients that others wrote, against two processes of the example server on one file, each request to the other one."""

import itertools
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.interop.conversation import Era, Step, steps
from tests.interop.processes import Cluster, Request, count

PLAYERS = Path(__file__).parent / "players"
Installed = Callable[[str], Path]
Run = Callable[..., str]

INSPECTOR = Path("@modelcontextprotocol", "inspector", "clients", "launcher", "build", "index.js")
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
    program: str, part: str, era: Era, player: Any, two_processes: Cluster, run: Run
) -> None:
    before = len(two_processes.seen())
    conversation = steps(era)
    task = {"url": two_processes.url, "era": era, "steps": [step.as_json() for step in conversation]}
    assert_right(conversation, json.loads(run(player(program, part), json.dumps(task))))
    seen = two_processes.seen()[before:]
    assert_in_turn_and_without_trouble(seen)
    assert {request.server for request in seen if request.what == "tools/call"} == {0, 1}
    sessions = 2 if era == "legacy" else 0
    assert (count(seen)["initialize"], count(seen)["DELETE"]) == (sessions, sessions)


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_each_run_of_the_inspector_hears_what_is_right(
    era: Era, installed: Installed, two_processes: Cluster, run: Run
) -> None:
    """Each run is a client of its own, which ends after one request; what a handle names outlives it."""
    home = installed("node")
    command = [home / "node", home / "node_modules" / INSPECTOR, "--cli", two_processes.url, "--transport", "http"]
    command += ["--protocol-era", era, "--format", "json", "--quiet", "--method"]
    before = len(two_processes.seen())
    conversation = steps(era, remembers=False)
    heard: list[Any] = []
    handle = ""
    for step in conversation:
        if step.tool is None:
            tools = json.loads(run([*command, "tools/list"]))["result"]["tools"]
            heard.append([tool["name"] for tool in tools])
            continue
        given = {key: handle if value == "$handle" else value for key, value in step.arguments.items()}
        call = [*command, "tools/call", "--tool-name", step.tool, "--tool-args-json", json.dumps(given)]
        answer = json.loads(run(call, code=INSPECTOR_TOOL_ERROR if step.error else 0))["result"]
        handle = answer.get("structuredContent", {}).get("counter", handle)
        text = "".join(block["text"] for block in answer["content"])
        heard.append({"text": text, "error": answer.get("isError", False)})
    assert_right(conversation, heard)
    seen = two_processes.seen()[before:]
    assert_in_turn_and_without_trouble(seen)
    assert count(seen)["initialize"] == (len(conversation) if era == "legacy" else 0)


def assert_right(conversation: list[Step], heard: list[Any]) -> None:
    wrong = [(step, answer) for step, answer in zip(conversation, heard, strict=True) if not step.is_right(answer)]
    assert not wrong


def assert_in_turn_and_without_trouble(seen: list[Request]) -> None:
    """Each request went to the other server, and none was refused but for the stream that a server need not have."""
    assert all(one.server != other.server for one, other in itertools.pairwise(seen))
    assert not [request for request in seen if request.status >= 400 and (request.what, request.status) != ("GET", 405)]
