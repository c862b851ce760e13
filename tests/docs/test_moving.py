"""The pages for those who come from elsewhere are true: old code does what is said of it, and the new code works."""

import asyncio
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from tests.docs.blocks import Block, blocks, checks
from tests.docs.reader import Reader
from tests.runtime.test_middleware import Peer

HEADER = "moving-from-mcp-session-id.md"
MCPSTATE = "moving-from-mcpstate.md"
NUXT = "moving-from-nuxt.md"
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "stranger", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def imported(folder: Path, page: str, name: str) -> Any:
    """Write a module of a page, and import it."""
    [found] = [one for one in blocks(page, "python") if one.file == name]
    (folder / name).write_text(found.text)
    return importlib.import_module(name.removesuffix(".py"))


async def answer(client: Client, tool: str, **arguments: object) -> str:
    result = await client.call_tool(tool, arguments)
    text: str = result.content[0].text
    return text


@checks(HEADER, "# before_header.py")
def test_a_dictionary_by_the_header_gives_a_stranger_what_others_have(isolated: Path) -> None:
    module = imported(isolated, HEADER, "before_header.py")

    async def use() -> tuple[list[str], dict[str, Any], str]:
        app = module.mcp.streamable_http_app(json_response=True)
        transport = httpx2.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http,
        ):
            peer = Peer(http)
            victim = await peer.initialize()
            call = {"name": "add_note", "arguments": {"text": "swordfish"}}
            counted = [
                (await peer.post("tools/call", call, mcp_session_id=victim)).json()["result"]["content"][0]["text"]
                for _ in range(2)
            ]
            params = {"name": "read_notes", "arguments": {}, "_meta": META}
            modern = {"mcp_protocol_version": "2026-07-28", "mcp_method": "tools/call", "mcp_name": "read_notes"}
            stolen = await peer.post("tools/call", params, mcp_session_id=victim, **modern)
            without = await peer.post("tools/call", params, **modern)
            assert (await http.delete("/mcp", headers={"mcp-session-id": victim})).status_code == 200
            assert victim in module.STATE  # it stays
        return counted, stolen.json()["result"], without.json()["result"]["content"][0]["text"]

    counted, stolen, without = asyncio.run(use())
    assert counted == ["1 notes", "2 notes"]
    assert stolen["structuredContent"] == {"result": ["swordfish", "swordfish"]}
    assert without == "Error executing tool read_notes"


def test_a_dictionary_by_the_header_fails_in_a_stateless_server(isolated: Path) -> None:
    module = imported(isolated, HEADER, "before_header.py")

    async def use() -> httpx2.Response:
        app = module.mcp.streamable_http_app(json_response=True, stateless_http=True)
        transport = httpx2.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http,
        ):
            return await Peer(http).post("tools/call", {"name": "read_notes", "arguments": {}})

    assert asyncio.run(use()).json()["result"]["content"][0]["text"] == "Error executing tool read_notes"


@checks(HEADER, "# before_object.py")
def test_a_dictionary_by_the_object_forgets_without_an_error(isolated: Path) -> None:
    module = imported(isolated, HEADER, "before_object.py")

    async def use() -> list[list[str]]:
        found = []
        for mode in ("legacy", "auto"):
            async with Client(module.mcp, mode=mode) as client:
                found.append([await answer(client, "add_note", text="x") for _ in range(2)])
        return found

    legacy, modern = asyncio.run(use())
    assert legacy == ["1 notes", "1 notes"]
    assert modern == ["1 notes", "1 notes"]


def notes_of(reader: Reader, mode: str) -> list[str]:
    async def use() -> list[str]:
        async with Client(f"http://127.0.0.1:{reader.ports['8000']}/mcp", mode=mode) as client:
            if mode == "legacy":
                arguments = {}
            else:
                made = (await client.call_tool("create_notes", {})).structured_content or {}
                arguments = {"notes": made["notes"]}
            return [await answer(client, "add_note", text="x", **arguments) for _ in range(2)]

    return asyncio.run(use())


@checks(HEADER, "# schemas/notes.yaml", "# server.py", "$ mcp-sessiongen", "$ python server.py")
def test_the_server_after_a_dictionary_remembers_for_both_eras(reader: Reader) -> None:
    for block in blocks(HEADER):
        if not block.file.startswith("before"):
            reader.do(block)
    assert notes_of(reader, "legacy") == ["1 notes", "2 notes"]
    assert notes_of(reader, "auto") == ["1 notes", "2 notes"]


@checks(NUXT, "# schemas/notes.yaml", "# server.py", "$ mcp-sessiongen")
def test_the_server_after_the_nuxt_toolkit_remembers_for_both_eras(reader: Reader) -> None:
    for block in blocks(NUXT):
        if block.language != "typescript":
            reader.do(block)
    reader.run("python server.py &")
    assert notes_of(reader, "legacy") == ["1 notes", "2 notes"]
    assert notes_of(reader, "auto") == ["1 notes", "2 notes"]


@checks(MCPSTATE)
def test_documents_of_mcpstate_become_sessions(reader: Reader) -> None:
    for block in blocks(MCPSTATE):
        reader.do(block)
    (reader.folder / "old.py").write_text(OLD)
    kept = json.loads(reader.run("python old.py"))
    assert kept == {"topic": "B", "sources": ["x"], "visits": 0}
    moved = reader.run("python move.py")
    [handle] = re.findall(r"-> (research_[a-z2-7]{32})", moved)
    (reader.folder / "new.py").write_text(NEW)
    assert json.loads(reader.run(f"python new.py {handle}")) == {"topic": "C", "sources": ["x", "y"], "visits": 0}


OLD = """
import asyncio, json
from before import add_source, begin_research, rename, store

async def main():
    handle = await begin_research("A")
    assert await add_source(handle, "x") == 1
    await rename(handle, "B")
    print(json.dumps((await store.get(handle, user="alice")).state))

asyncio.run(main())
"""
NEW = """
import asyncio, sys
from mcp_sessions import open_store
from server import add_source, rename, sessions
from state.research import ResearchSession

async def main():
    research = ResearchSession.open(sessions.store, sys.argv[1])
    assert await add_source("y", research) == 2
    await rename("C", research)
    print((await research.snapshot()).model_dump_json())
    await sessions.aclose()

asyncio.run(main())
"""


def test_what_the_page_says_of_mcpstate_is_so(tmp_path: Path) -> None:
    """In a process of its own: it keeps a connection for each thread, and closes none of them by itself."""
    done = subprocess.run(
        [sys.executable, "-c", CLAIMS, f"sqlite:///{tmp_path}/state.db"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


CLAIMS = """
import sys
from mcpstate import HandleNotFound, HandleStore, SetKey, StaleWrite

store = HandleStore.from_url(sys.argv[1])
handle = store.mint("cart", {"count": 0}, user="alice", ttl_days=1)
assert len(handle.removeprefix("cart_")) == 8  # of 32 letters: 40 bits
before = store.get(handle, user="alice")
store.patch(handle, [SetKey("", "count", "three"), SetKey("", "cuont", 1)], user="alice")
after = store.get(handle, user="alice")
assert after.state == {"count": "three", "cuont": 1}  # any type, any key
assert after.expires_at == before.expires_at  # use does not prolong it
for call, error in (
    (lambda: store.get(handle, user="bob"), HandleNotFound),
    (lambda: store.save(handle, {}, user="alice", expect_version=before.version), StaleWrite),
):
    try:
        call()
    except error:
        continue
    raise AssertionError(error)
"""


def test_the_reader_would_notice_another_output(reader: Reader) -> None:
    """Else these tests would prove nothing."""
    with pytest.raises(AssertionError, match="shown"):
        reader.do(Block("page", 1, "console", "$ echo one\ntwo\n"))
    reader.do(Block("page", 1, "console", "$ echo one two three\none ... three\n"))
