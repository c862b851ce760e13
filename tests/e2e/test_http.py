"""The example server over HTTP, driven by the SDK's own client in both eras, in several processes."""

import asyncio
import signal
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

pytestmark = pytest.mark.anyio


def text_of(result: CallToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, TextContent))


async def call(client: Client, name: str, **arguments: Any) -> str:
    result = await client.call_tool(name, arguments)
    assert not result.is_error, text_of(result)
    return text_of(result)


async def refused(client: Client, name: str, **arguments: Any) -> str:
    result = await client.call_tool(name, arguments)
    assert result.is_error
    return text_of(result)


async def converse(client: Client, **handles: str) -> None:
    """Have the whole conversation that the example's tools describe."""

    def of(schema: str) -> dict[str, str]:
        return {schema: handles[schema]} if handles else {}

    assert await call(client, "increment", **of("counter")) == "Counter: 1"
    assert await call(client, "increment", by=41, **of("counter")) == "Counter: 42"
    assert await call(client, "add_note", text="milk", **of("notes")) == "Noted. Notes so far: 1"
    assert await call(client, "add_note", text="eggs", **of("notes")) == "Noted. Notes so far: 2"
    notes = await client.call_tool("get_notes", of("notes"))
    assert notes.structured_content is not None
    assert [note["text"] for note in notes.structured_content["result"]] == ["milk", "eggs"]
    assert "which framework" in await call(client, "wizard_next", answer="atlas", **of("wizard"))
    assert "choose one of nuxt, next, svelte" in await refused(client, "wizard_next", answer="react", **of("wizard"))
    done = await call(client, "wizard_next", answer="svelte", **of("wizard"))
    assert done == "Creating atlas with svelte... Setup complete!"
    assert "already completed" in await call(client, "wizard_next", answer="more", **of("wizard"))
    assert "language=de" in await call(client, "set_preference", preference="language", value="de", **of("preferences"))
    said = await call(client, "set_preference", preference="verbose", value=True, **of("preferences"))
    assert said == "Preferences: language=de, verbose=True"
    assert "verbose is true or false" in await refused(
        client, "set_preference", preference="verbose", value="loud", **of("preferences")
    )


async def handles_of(client: Client) -> dict[str, str]:
    handles: dict[str, str] = {}
    for schema in ("counter", "notes", "wizard", "preferences"):
        created = await client.call_tool(f"create_{schema}", {})
        assert created.structured_content is not None
        handles[schema] = created.structured_content[schema]
    return handles


async def test_every_tool_answers_what_it_says_in_the_legacy_era(start: Any) -> None:
    async with Client(start().url, mode="legacy") as client:
        assert client.protocol_version == "2025-11-25"
        await converse(client)


async def test_every_tool_answers_what_it_says_in_the_modern_era(start: Any) -> None:
    async with Client(start().url) as client:
        assert client.protocol_version == "2026-07-28"
        await converse(client, **await handles_of(client))


async def test_clients_never_see_each_others_values(start: Any) -> None:
    url = start().url
    async with Client(url, mode="legacy") as one, Client(url, mode="legacy") as two, Client(url) as three:
        await converse(one)
        assert await call(two, "increment") == "Counter: 1"
        assert await call(two, "get_notes") == ""
        handle = (await handles_of(three))["counter"]
        assert await call(three, "increment", counter=handle) == "Counter: 1"
        assert "create_counter" in await refused(three, "increment")


async def test_values_survive_a_restart_and_a_kill(start: Any) -> None:
    first = start()
    async with Client(first.url, mode="legacy") as legacy:
        await converse(legacy)
        async with Client(first.url) as modern:
            handle = (await handles_of(modern))["counter"]
            await call(modern, "increment", counter=handle)
        first.stop()
        second = start(first.port)
        assert await call(legacy, "increment") == "Counter: 43"
        second.stop(signal.SIGKILL)
        start(first.port)
        assert await call(legacy, "increment") == "Counter: 44"
        assert "already completed" in await call(legacy, "wizard_next", answer="x")
        async with Client(first.url) as modern:
            assert await call(modern, "increment", counter=handle) == "Counter: 2"


async def test_two_processes_serve_one_session_in_turn(start: Any) -> None:
    """A proxy in front of two workers, which sends each request to the other one."""
    workers = [start(), start()]
    turns: list[int] = []

    class RoundRobin(httpx2.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            turns.append(len(turns) % 2)
            request.url = request.url.copy_with(port=workers[turns[-1]].port)
            return await super().handle_async_request(request)

    async with httpx2.AsyncClient(transport=RoundRobin()) as http:
        transport = streamable_http_client("http://127.0.0.1:1/mcp", http_client=http)
        async with Client(transport, mode="legacy") as client:
            for expected in range(1, 11):
                assert await call(client, "increment") == f"Counter: {expected}"
    assert {0, 1} == set(turns)


async def test_no_increment_is_lost_between_processes(start: Any) -> None:
    one, two = start(), start()
    async with Client(one.url) as first, Client(two.url) as second:
        handle = (await handles_of(first))["counter"]
        await asyncio.gather(
            *(call(client, "increment", counter=handle) for client in (first, second) for _ in range(25))
        )
        assert await call(first, "increment", counter=handle, by=0) == "Counter: 50"


async def test_ending_a_session_is_final_for_everybody(start: Any) -> None:
    url = start().url
    async with Client(url) as client, Client(url, mode="legacy") as other:
        handle = (await handles_of(client))["counter"]
        await call(client, "increment", counter=handle)
        assert "true" in await call(other, "end_counter", counter=handle)
        assert "has been ended" in await refused(client, "increment", counter=handle)
        assert "create_counter" in await refused(other, "increment", counter=handle)
        assert await call(other, "increment") == "Counter: 1"
