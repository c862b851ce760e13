"""Session state as resources: what a client can list and read, and whose it is."""

import json
import logging
from typing import Any

import pytest
from key_value.aio.stores import memory as key_values
from mcp import Client
from mcp.server import MCPServer
from mcp.server.caching import CacheHint
from mcp.shared.exceptions import MCPError
from tests.runtime.resource_server import Held, Mine, Note, as_user, created, done, make, on_a_socket, text

from mcp_sessions import UntypedSession
from mcp_sessions.server import Sessions
from mcp_sessions.stores import MemoryStore
from mcp_sessions.stores.keyvalue import KeyValueStore

pytestmark = pytest.mark.anyio

UNKNOWN = "session://note/note_" + "a" * 32


async def uris(client: Client) -> set[str]:
    return {one.uri for one in (await client.list_resources()).resources}


async def refusal(client: Client, uri: str) -> MCPError:
    with pytest.raises(MCPError) as raised:
        await client.read_resource(uri)
    return raised.value


async def test_a_modern_client_sees_templates_and_reads_by_handle(store: Any) -> None:
    server, sessions = make(store)
    async with Client(server) as client:
        templates = (await client.list_resource_templates()).resource_templates
        assert {one.uri_template for one in templates} == {"session://note/{handle}", "session://held/{handle}"}
        [note] = [one for one in templates if one.name == "note"]
        assert note.description == "What a note session holds, as JSON. What somebody wants to remember."
        assert note.mime_type == "application/json"
        assert await uris(client) == {"weather://today"}
        handle = await created(client)
        assert await text(client, f"session://note/{handle}") == "{}"
        await done(client, "write", key="a", note=handle)
        assert json.loads(await text(client, f"session://note/{handle}")) == {"a": True}
        assert await text(client, "weather://today") == "fine"
    await sessions.aclose()


async def test_a_legacy_client_has_its_own_state_under_a_fixed_uri(store: Any) -> None:
    server, sessions = make(store)
    async with Client(server, mode="legacy") as one, Client(server, mode="legacy") as other:
        assert await uris(one) == {"session://note/current", "weather://today"}
        assert await text(one, "session://note/current") == "{}"
        await done(one, "write", key="mine")
        assert await text(one, "session://note/current") == '{"mine":true}'
        assert await text(other, "session://note/current") == "{}"
        handle = await created(one)
        await done(one, "write", key="by handle", note=handle)
        assert await text(one, f"session://note/{handle}") == '{"by handle":true}'
    await sessions.aclose()


async def test_reading_begins_nothing(store: Any) -> None:
    server, sessions = make(store)
    async with Client(server, mode="legacy") as client:
        await text(client, "session://note/current")
        assert [one for one in (await store.scan()).sessions if one.address.schema == "note"] == []
    await sessions.aclose()


async def test_reading_is_a_use_and_so_is_nothing_else(store: Any, clock: Any) -> None:
    server, sessions = make(store, idle="10m")
    async with Client(server) as client:
        handle = await created(client)
        for _ in range(3):
            clock.advance(400)
            await text(client, f"session://note/{handle}")
        clock.advance(400)
        await client.list_resources()
        async with client.listen(resource_subscriptions=[f"session://note/{handle}"]):
            clock.advance(400)
            assert "has expired" in (await refusal(client, f"session://note/{handle}")).message
    await sessions.aclose()


async def test_what_names_nothing_is_refused_in_the_words_of_tools(store: Any) -> None:
    server, sessions = make(store)
    async with Client(server) as client:
        unknown = await refusal(client, UNKNOWN)
        assert unknown.code == -32602
        assert unknown.message.startswith("there is no such note session. Call create_note for a new one")
        assert unknown.error.data == {"uri": UNKNOWN}
        current = await refusal(client, "session://note/current")
        assert current.message == "you have no note state without a handle. Its URI with one is session://note/HANDLE."
        assert "carries no authenticated one" in (await refusal(client, "session://mine/current")).message
        handle = await created(client)
        await done(client, "end_note", note=handle)
        assert "has been ended" in (await refusal(client, f"session://note/{handle}")).message
    await sessions.aclose()


@pytest.mark.parametrize(
    "uri",
    [
        "session://note/a/b",
        "session://NOTE/a",
        "session://note",
        "session://note/a?b#c",
        "session://plain/plain_a",
        "session:/note/note_a",
        "session:note/note_a",
        "sessions://note/note_a",
        " session://note/note_a",
        "SESSION://note/note_a",
        "\tSessions:note_a",
    ],
)
async def test_what_is_no_uri_of_a_session_is_refused_without_being_logged(
    uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    server, sessions = make(MemoryStore())
    with caplog.at_level(logging.DEBUG):
        async with Client(server) as client:
            assert "those are session://SCHEMA/HANDLE" in (await refusal(client, uri)).message
    assert [one for one in caplog.records if one.levelno > logging.DEBUG and uri in one.getMessage()] == []
    await sessions.aclose()


async def test_a_server_may_have_resources_of_its_own_under_such_uris() -> None:
    server, sessions = make(MemoryStore())

    @server.resource("sessions://help")
    async def help_text() -> str:
        """Explain."""
        return "how sessions work"

    @server.resource("session://report/{day}")
    async def report(day: str) -> str:
        """Report."""
        return f"report of {day}"

    async with Client(server) as client:
        assert await text(client, "sessions://help") == "how sessions work"
        assert await text(client, "session://report/today") == "report of today"
        assert "those are session://SCHEMA/HANDLE" in (await refusal(client, "sessions://help/note_a")).message
    await sessions.aclose()


async def test_no_log_has_a_handle(store: Any, caplog: pytest.LogCaptureFixture) -> None:
    server, sessions = make(store)
    with caplog.at_level(logging.INFO):
        async with Client(server) as client:
            handle = await created(client)
            uri = f"session://note/{handle}"
            async with client.listen(resource_subscriptions=[uri, UNKNOWN]):
                await text(client, uri)
                await done(client, "end_note", note=handle)
                await refusal(client, uri)
    await sessions.aclose()
    assert handle not in caplog.text
    assert handle.rpartition("_")[2] not in caplog.text


async def test_values_are_shown_in_their_types_and_secrets_are_not(kinds: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = Sessions(MemoryStore(), schemas=[kinds.KindsSession], resources=True)
    server = MCPServer("test", extensions=[sessions], subscriptions=sessions.bus, log_level="WARNING")
    sessions.attach(server)
    keys = {key.name: key for key in kinds.KindsSession.schema.keys}
    monkeypatch.setattr(keys["title"], "secret", True, raising=False)
    monkeypatch.setattr(keys["maybe"], "secret", True, raising=False)
    monkeypatch.setattr(keys["ratio"], "secret", True, raising=False)
    async with Client(server) as client:
        handle = await created(client, "kinds")
        session = kinds.KindsSession.open(sessions.store, handle)
        await session.set_title("hush")
        await session.set_tags(["a", "b"])
        await session.set_item(kinds.Item(sku="x"))
        found = json.loads(await text(client, f"session://kinds/{handle}"))
    assert list(found) == list(keys)
    assert (found["title"], found["maybe"]) == ("********", None)
    assert (found["count"], found["ratio"], found["limit"]) == (0, "********", None), "a default is a secret too"
    assert found["tags"] == ["a", "b"]
    assert found["item"] == {"sku": "x", "qty": 1}
    await sessions.aclose()


async def test_what_has_the_name_of_a_secret_is_not_shown(kinds: Any) -> None:
    sessions = Sessions(MemoryStore(), schemas=[kinds.KindsSession, Note], resources=True)
    server = MCPServer("test", extensions=[sessions], subscriptions=sessions.bus, log_level="WARNING")
    sessions.attach(server)
    async with Client(server) as client:
        handle, note = await created(client, "kinds"), await created(client)
        await kinds.KindsSession.open(sessions.store, handle).set_scores({"api_key": 4711, "other": 1})
        held: Any = {
            "password": "hush",
            "login": [{"accessToken": "hush", "user": "ann"}],
            "max_tokens": 7,
            "secret": None,
        }
        for key, value in held.items():
            await Note.open(sessions.store, note).set(key, value)
        found = json.loads(await text(client, f"session://kinds/{handle}"))
        noted = json.loads(await text(client, f"session://note/{note}"))
    assert found["scores"] == {"api_key": "********", "other": 1}
    assert noted == {
        "password": "********",
        "login": [{"accessToken": "********", "user": "ann"}],
        "max_tokens": 7,
        "secret": None,
    }
    await sessions.aclose()


async def test_what_does_not_fit_is_said_and_not_shown(kinds: Any) -> None:
    store = MemoryStore()
    sessions = Sessions(store, schemas=[kinds.KindsSession], resources=True)
    server = MCPServer("test", extensions=[sessions], subscriptions=sessions.bus, log_level="WARNING")
    sessions.attach(server)
    async with Client(server) as client:
        handle = await created(client, "kinds")
        session = kinds.KindsSession.open(store, handle)
        await store.write(session._access(), {"count": b'"a secret"'})
        error = await refusal(client, f"session://kinds/{handle}")
    assert error.code == -32603
    assert "kinds.count of kinds_" in error.message
    assert "a secret" not in error.message
    assert handle not in error.message
    await sessions.aclose()


async def test_a_user_lists_and_reads_their_own_and_nobody_elses(store: Any) -> None:
    async with on_a_socket(store, auth=True) as url, as_user(url, "app/ann") as ann, as_user(url, "app/bob") as bob:
        handle, held = await created(ann), await created(ann, "held")
        await done(ann, "write_mine", key="hers")
        own = {f"session://note/{handle}", f"session://held/{held}", "session://mine/current", "weather://today"}
        assert await uris(ann) == own
        listed = {one.uri: one.name for one in (await ann.list_resources()).resources}
        assert handle not in listed.values()
        assert listed[f"session://note/{handle}"].startswith("note_")
        assert await text(ann, "session://mine/current") == '{"hers":true}'
        assert await uris(bob) == {"session://mine/current", "weather://today"}
        assert await text(bob, "session://mine/current") == "{}"
        foreign, unknown = await refusal(bob, f"session://note/{handle}"), await refusal(bob, UNKNOWN)
        assert (foreign.code, foreign.message) == (unknown.code, unknown.message)


async def test_all_users_of_a_client_list_nothing(store: Any) -> None:
    """A token without a subject is that of a client, and its users are one owner: they must not learn handles."""
    async with on_a_socket(store, auth=True) as url, as_user(url, "app/") as client:
        await created(client)
        assert await uris(client) == {"weather://today"}


async def test_only_what_is_chosen_is_a_resource(store: Any) -> None:
    server, sessions = make(store, resources=[Held])
    async with Client(server, mode="legacy") as client:
        [template] = (await client.list_resource_templates()).resource_templates
        assert template.uri_template == "session://held/{handle}"
        assert await uris(client) == {"weather://today"}
        assert "those are session://SCHEMA/HANDLE" in (await refusal(client, "session://note/current")).message
    await sessions.aclose()


async def test_by_default_nothing_is_a_resource(store: Any) -> None:
    server, sessions = make(store, resources=False)
    async with Client(server) as client:
        assert (await client.list_resource_templates()).resource_templates == []
        assert await uris(client) == {"weather://today"}
    with pytest.raises(ValueError, match="give Sessions\\(resources=True\\)"):
        sessions.bus  # noqa: B018 -- that is how it is asked for


async def test_results_are_nobody_elses_to_keep(store: Any) -> None:
    sessions = Sessions(store, schemas=[Note], resources=True)
    hints: Any = {name: CacheHint(ttl_ms=60_000, scope="public") for name in ("resources/list", "resources/read")}
    server = MCPServer("test", extensions=[sessions], subscriptions=sessions.bus, cache_hints=hints)
    sessions.attach(server)

    @server.resource("weather://today")
    async def weather() -> str:
        """Tell of the weather."""
        return "fine"

    async with Client(server) as client:
        handle = await created(client)
        own, others = (
            await client.read_resource(f"session://note/{handle}"),
            await client.read_resource("weather://today"),
        )
        assert (own.cache_scope, own.ttl_ms) == ("private", 0)
        assert (others.cache_scope, others.ttl_ms) == ("public", 60_000)
        assert (await client.list_resources()).cache_scope == "private"
    await sessions.aclose()


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ([UntypedSession], ValueError, "resources has UntypedSession, which is not among the schemas"),
        (["note"], ValueError, "resources has 'note', which is not among the schemas"),
        ("note", TypeError, "resources is True, or a list of accessor classes"),
        (Mine, TypeError, "resources is True, or a list of accessor classes"),
    ],
)
async def test_what_cannot_be_a_resource_is_said_at_once(given: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        Sessions("memory://", schemas=[Note, Mine], resources=given)


async def test_a_store_by_which_others_cannot_be_told_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    server, sessions = make(KeyValueStore(key_values.MemoryStore()))
    app = sessions.http_app(server)
    async with app.router.lifespan_context(app):
        assert "processes that share KeyValueStore cannot tell each other anything" in caplog.text
    caplog.clear()
    server, sessions = make(MemoryStore())
    app = sessions.http_app(server)
    async with app.router.lifespan_context(app):
        assert "cannot tell each other" not in caplog.text
