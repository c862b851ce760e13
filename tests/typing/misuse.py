"""Wrong uses of the generated accessors: every marked line must be rejected, and no other."""

from datetime import UTC, datetime

from mcp_sessions import UntypedSession
from state.counter import CounterSession
from state.notes import Note, NotesSession
from state.preferences import PreferencesSession
from state.wizard import WizardSession


async def wrong_values(counter: CounterSession, wizard: WizardSession, preferences: PreferencesSession) -> None:
    await counter.set_counter("5")  # reject
    await counter.set_counter(None)  # reject
    await counter.increment_counter(1.5)  # reject
    await wizard.set_framework("react")  # reject
    await wizard.set_project_name(None)  # reject
    await preferences.set_verbose("yes")  # reject
    await counter.update_counter(lambda value: str(value))  # reject


async def wrong_keys(counter: CounterSession, wizard: WizardSession, name: str) -> None:
    await counter.get("count")  # reject
    await wizard.get("projectname")  # reject
    await wizard.get(name)  # reject
    await wizard.set("step", "two")  # reject
    await wizard.set("colour", "red")  # reject
    await wizard.has("colour")  # reject
    await wizard.remove("colour")  # reject
    await counter.get_count()  # reject


async def missing_none_checks(wizard: WizardSession) -> int:
    name = await wizard.get_project_name()
    first: str = await wizard.get("project_name")  # reject
    await wizard.set_project_name(first)
    return len(name)  # reject


async def wrong_items(notes: NotesSession) -> None:
    await notes.append_notes("text")  # reject
    await notes.append_notes(Note(text="x", created_at=datetime.now(UTC)))
    await notes.set_notes([1])  # reject
    for note in await notes.get_notes():
        print(note.txt)  # reject


async def not_for_this_kind(wizard: WizardSession, counter: CounterSession) -> None:
    await wizard.increment_framework()  # reject
    await counter.append_counter(1)  # reject


async def forgotten_await(counter: CounterSession) -> int:
    return counter.get_counter() + 1  # reject


async def not_json(session: UntypedSession) -> None:
    await session.set("when", datetime.now(UTC))  # reject
    await session.set(5, "x")  # reject
