"""An MCP server with four kinds of session state, for clients of both protocol eras.

    python examples/server.py                                    over stdio
    python examples/server.py --http --port 8000                 over HTTP, at http://127.0.0.1:8000/mcp
    python examples/server.py --http --store sqlite:///state.db  the same, and the state survives a restart

The accessor classes in ``state/`` are compiled from ``schemas/``: see the comment at their head for the command.
"""

import argparse
from datetime import UTC, datetime
from typing import Literal

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from mcp_sessions import StoreError
from mcp_sessions.server import Sessions
from state.counter import CounterSession
from state.notes import Note, NotesSession
from state.preferences import PreferencesSession
from state.wizard import WizardFramework, WizardSession

FRAMEWORKS: dict[str, WizardFramework] = {"nuxt": "nuxt", "next": "next", "svelte": "svelte"}


async def increment(counter: CounterSession, by: int = 1) -> str:
    """Add to this session's counter and say what it is now."""
    return f"Counter: {await counter.increment_counter(by)}"


async def add_note(text: str, notes: NotesSession) -> str:
    """Keep a note for the rest of this session."""
    await notes.append_notes(Note(text=text, created_at=datetime.now(UTC)))
    return f"Noted. Notes so far: {len(await notes.get_notes())}"


async def get_notes(notes: NotesSession) -> list[Note]:
    """Return the notes of this session, oldest first."""
    return await notes.get_notes()


async def wizard_next(answer: str, wizard: WizardSession) -> str:
    """Answer the wizard's question: first the project's name, then its framework (nuxt, next or svelte)."""
    step = await wizard.get_step()  # one answer at a time: a user does not answer twice at once
    if step == 1:
        await wizard.set_project_name(answer)
        await wizard.set_step(2)
        return f"Project name: {answer}. Next: which framework, {', '.join(FRAMEWORKS)}?"
    if step == 2:
        framework = FRAMEWORKS.get(answer.strip().lower())
        if framework is None:
            raise ToolError(f"there is no framework {answer!r} here; choose one of {', '.join(FRAMEWORKS)}")
        await wizard.set_framework(framework)
        await wizard.set_step(3)
        return f"Creating {await wizard.get_project_name()} with {framework}... Setup complete!"
    return f"The wizard is already completed: {await wizard.get_project_name()} with {await wizard.get_framework()}."


async def set_preference(
    preference: Literal["language", "verbose"], value: str | bool, preferences: PreferencesSession
) -> str:
    """Set one preference of this session: language (text) or verbose (true or false). Says what both are now."""
    if preference == "language" and isinstance(value, str):
        await preferences.set_language(value)
    elif preference == "verbose" and isinstance(value, bool):
        await preferences.set_verbose(value)
    else:
        wanted = "a text" if preference == "language" else "true or false"
        raise ToolError(f"{preference} is {wanted}, got {value!r}")
    now = await preferences.snapshot()
    shown = (f"{name}={'not set' if value is None else value}" for name, value in now)
    return f"Preferences: {', '.join(shown)}"


def make_server(store: str) -> tuple[MCPServer, Sessions]:
    """Return the server and its sessions, kept in the store at that URL."""
    sessions = Sessions(store, schemas=[CounterSession, NotesSession, WizardSession, PreferencesSession])
    server = MCPServer("sessions-example", extensions=[sessions], log_level="WARNING")
    for tool in (increment, add_note, get_notes, wizard_next, set_preference):
        server.add_tool(tool)
    return server, sessions


def main() -> None:
    """Serve until the client leaves, or the process is told to stop."""
    parser = argparse.ArgumentParser(description="MCP server with typed session state.")
    parser.add_argument("--http", action="store_true", help="serve Streamable HTTP instead of stdio")
    parser.add_argument("--port", type=int, default=8000, help="port for --http (default: 8000)")
    parser.add_argument("--store", default="memory://", help="store URL (default: memory://)")
    options = parser.parse_args()
    try:
        server, sessions = make_server(options.store)
    except StoreError as error:
        parser.error(str(error))
    if options.http:
        sessions.run(server, "streamable-http", port=options.port)
    else:
        sessions.run(server, "stdio")


if __name__ == "__main__":
    main()
