"""Right uses of the generated accessors: no type checker may have anything to say here."""

from datetime import UTC, datetime
from typing import assert_type

from mcp_sessions import Store, UntypedSession, open_store
from state.counter import CounterKey, CounterSession, CounterState
from state.notes import Note, NotesSession
from state.preferences import PreferencesSession
from state.wizard import WizardFramework, WizardSession, WizardState


async def counter_is_an_int(counter: CounterSession) -> None:
    assert_type(await counter.get_counter(), int)
    assert_type(await counter.increment_counter(2), int)
    assert_type(await counter.update_counter(lambda value: value + 1), int)
    assert_type(await counter.take_counter(), int | None)
    assert_type(await counter.get("counter"), int)
    assert_type(await counter.has("counter"), bool)
    assert_type(await counter.keys(), list[CounterKey])
    assert_type(await counter.snapshot(), CounterState)
    await counter.set("counter", 5)


async def a_key_without_a_default_may_be_none(wizard: WizardSession) -> None:
    assert_type(await wizard.get_step(), int)
    assert_type(await wizard.get_project_name(), str | None)
    assert_type(await wizard.get_framework(), WizardFramework | None)
    assert_type(await wizard.get("framework"), WizardFramework | None)
    await wizard.set_framework("nuxt")
    await wizard.set("framework", "svelte")
    name = await wizard.get_project_name()
    if name is not None:
        assert_type(name, str)
    state = await wizard.snapshot()
    assert_type(state, WizardState)
    assert_type(state.project_name, str | None)


async def a_list_is_appended_to(notes: NotesSession) -> None:
    await notes.append_notes(Note(text="x", created_at=datetime.now(UTC)))
    assert_type(await notes.get_notes(), list[Note])


async def an_accessor_is_made_in_many_ways(preferences: PreferencesSession) -> None:
    store = open_store("memory://")
    assert_type(await PreferencesSession.create(store), PreferencesSession)
    assert_type(PreferencesSession.open(store, preferences.id, owner=None), PreferencesSession)
    assert_type(PreferencesSession.current(), PreferencesSession)
    assert_type(preferences.store, Store)
    await preferences.set_verbose(True)
    assert_type(await preferences.end(), bool)


async def an_untyped_session_takes_json(session: UntypedSession) -> None:
    words: list[str] = ["a"]
    await session.set("anything", {"words": words, "n": 1.5, "none": None})
    await session.update("n", lambda value: [value])
