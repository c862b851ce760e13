"""A store that fails during a call: the model is told what to do, and the log where it failed."""

import logging
from pathlib import Path
from typing import Any, cast

import pytest
from mcp import Client, MCPError
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, TextContent
from tests.stores.valkey_server import free_port

from mcp_sessions import SessionSchema, StoreError, UntypedSession
from mcp_sessions.context import Call, current_call, serving
from mcp_sessions.server import Sessions
from mcp_sessions.stores import MemoryStore, SQLiteStore, Store, open_store
from mcp_sessions.tools import list_tool

pytestmark = pytest.mark.anyio


class Listed(UntypedSession):
    """A session that can be listed."""


Listed.schema = SessionSchema(name="listed", list_tool="list_listed")


def text_of(result: CallToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, TextContent))


def server_on(store: Store) -> MCPServer[Any]:
    sessions = Sessions(store, schemas=[UntypedSession])
    server = MCPServer("test", extensions=[sessions], log_level="WARNING")
    sessions.attach(server)

    @server.tool()
    async def keep(value: str, session: UntypedSession) -> str:
        """Keep a value."""
        await session.set("a", value)
        return "kept"

    @server.tool()
    async def evict() -> int:
        """End whatever somebody has."""
        return await sessions.end_all("somebody")

    @server.tool()
    async def sweep() -> int:
        """Remove what has expired."""
        return await sessions.purge()

    @server.tool()
    async def try_to(session: UntypedSession) -> str:
        """Tell what the error is made of."""
        try:
            await session.get("a")
        except StoreError as error:
            return f"{type(error.__cause__).__name__}, {str(error.__cause__) != str(error)}"
        return "nothing"

    @server.prompt()
    async def ask(session: UntypedSession) -> str:
        """Ask for what was kept."""
        return str(await session.get("a"))

    return server


@pytest.fixture
def address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
async def broken(address: str) -> Any:
    """A store whose server is not there."""
    store = open_store(f"redis://me:hunter2@{address}/0")
    yield store
    await store.aclose()


async def test_the_model_reads_what_to_do_and_the_log_has_the_address(
    broken: Store, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Client(server_on(broken), mode="legacy") as client:
        for tool, arguments in (
            ("create_session", {}),
            ("keep", {"value": "x"}),
            ("end_session", {}),
            ("evict", {}),
            ("sweep", {}),
        ):
            caplog.clear()
            result = await client.call_tool(tool, arguments)
            assert result.is_error
            text = text_of(result)
            assert text.startswith(
                f"Error executing tool {tool}: The session store failed, and nothing was changed. Try"
            )
            assert address not in text
            [record] = [record for record in caplog.records if record.name == "mcp_sessions"]
            assert record.levelno == logging.ERROR
            assert f"redis://{address}" in record.getMessage()
            assert "hunter2" not in caplog.text


async def test_prompts_are_told_the_same(broken: Store, address: str) -> None:
    async with Client(server_on(broken), mode="legacy") as client:
        with pytest.raises(MCPError, match="The session store failed, and nothing was changed") as raised:
            await client.get_prompt("ask", {})
    assert address not in str(raised.value)


async def test_a_tool_finds_the_reason_in_the_cause(broken: Store) -> None:
    async with Client(server_on(broken), mode="legacy") as client:
        assert text_of(await client.call_tool("try_to", {})) == "StoreError, True"


async def test_a_file_is_not_named_either(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "sessions.db"
    store = SQLiteStore(path)
    async with Client(server_on(store), mode="legacy") as client:
        assert not (await client.call_tool("keep", {"value": "x"})).is_error
        path.unlink()
        text = text_of(await client.call_tool("keep", {"value": "y"}))
    await store.aclose()
    assert "The session store failed" in text
    assert "sessions.db" not in text
    assert "removed or replaced" in caplog.text


async def test_outside_of_a_call_the_error_says_it_all(
    broken: Store, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StoreError, match=f"redis://{address}") as raised:
        await UntypedSession.create(broken)
    assert "hunter2" not in str(raised.value)
    handle = (await UntypedSession.create(MemoryStore())).id
    session = UntypedSession.open(broken, handle)
    for operation in (session.touch, session.end, session.snapshot):
        with pytest.raises(StoreError, match=f"redis://{address}"):
            await operation()
    assert "during a call" not in caplog.text


class Doubtful(MemoryStore):
    """Loses the connection after it was asked to write."""

    async def write(self, *args: Any, **kwargs: Any) -> Any:
        raise StoreError("the server at db.internal went away", in_doubt=True)


async def test_what_may_have_been_done_is_not_said_to_be_undone() -> None:
    async with Client(server_on(Doubtful()), mode="legacy") as client:
        text = text_of(await client.call_tool("keep", {"value": "x"}))
    assert "it is not known whether this was done" in text
    assert "nothing was changed" not in text
    assert "db.internal" not in text


async def test_what_the_caller_passed_is_answered_in_the_stores_own_words(caplog: pytest.LogCaptureFixture) -> None:
    own: Any = list_tool(cast("Any", Listed)).fn
    store = MemoryStore()
    call = Call(store)
    object.__setattr__(call, "caller", type(call.caller)("me", individual=True))
    with serving(call), pytest.raises(StoreError, match="that is no cursor of a listing; leave it out"):
        await own(cursor="nonsense")
    with serving(call), pytest.raises(StoreError, match="is not Unicode text"):
        await (await UntypedSession.create(store)).set("\ud800", 1)
    assert current_call() is None
    assert "during a call" not in caplog.text


async def test_a_failure_is_told_and_logged_once(broken: Store, caplog: pytest.LogCaptureFixture) -> None:
    session = UntypedSession.open(broken, (await UntypedSession.create(MemoryStore())).id)
    with serving(Call(broken)), pytest.raises(StoreError, match="The session store failed"):
        await session.update("a", lambda value: value)
    assert caplog.text.count("the session store failed during a call") == 1
