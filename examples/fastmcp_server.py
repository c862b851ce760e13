"""A FastMCP server with three kinds of session state, for clients of both protocol eras.

    python examples/fastmcp_server.py                                    over stdio
    python examples/fastmcp_server.py --http --port 8000                 over HTTP, at http://127.0.0.1:8000/mcp
    python examples/fastmcp_server.py --http --store sqlite:///state.db  the same, and the state survives a restart
    python examples/fastmcp_server.py --http --stateful                  the same, and the server can ask its client
    python examples/fastmcp_server.py --http --users anna,ben            only for who has the token of one of these

It needs the extra ``fastmcp``. The accessor classes in ``state/`` are compiled from ``schemas/``: see the comment at
their head for the command.
"""

import argparse
from datetime import UTC, datetime

from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier

from mcp_sessions import StoreError
from mcp_sessions.fastmcp import FastMCPSessions
from state.counter import CounterSession
from state.notes import Note, NotesSession
from state.wizard import WizardFramework, WizardSession

FRAMEWORKS: dict[str, WizardFramework] = {"nuxt": "nuxt", "next": "next", "svelte": "svelte"}


async def increment(counter: CounterSession, by: int = 1) -> str:
    """Add to this session's counter and say what it is now."""
    return f"Counter: {await counter.increment_counter(by)}"


async def add_note(text: str, notes: NotesSession) -> str:
    """Keep a note for the rest of this session."""
    await notes.append_notes(Note(text=text, created_at=datetime.now(UTC)))
    return f"Noted. Notes so far: {len(await notes.get_notes())}"


async def ask_framework(ctx: Context, wizard: WizardSession) -> str:
    """Ask the user for a framework, and keep the answer; only a stateful server can ask."""
    answer = await ctx.elicit("Which framework?", list(FRAMEWORKS))
    if answer.action != "accept":
        raise ToolError("the user did not say")
    await wizard.set_framework(FRAMEWORKS[answer.data])
    return f"Framework: {await wizard.get_framework()}"


async def summary(topic: str, notes: NotesSession) -> str:
    """Ask for a summary of the notes of this session."""
    texts = [note.text for note in await notes.get_notes()]
    return f"Summarize what these notes say of {topic}: {'; '.join(texts) or 'there are none'}"


async def read_counter(counter: CounterSession) -> str:
    """Return the counter of a handle."""
    return str(await counter.get_counter())


def make_server(store: str, users: str = "") -> tuple[FastMCP, FastMCPSessions]:
    """Return the server and its sessions.

    Args:
        store: The URL of the store.
        users: Names, separated by commas, each of which has the token "token-NAME"; "" for a server without tokens.
    """
    tokens = {f"token-{name}": {"client_id": "example", "scopes": [], "sub": name} for name in users.split(",") if name}
    server = FastMCP("sessions-example", auth=StaticTokenVerifier(tokens) if tokens else None)
    sessions = FastMCPSessions(store, schemas=[CounterSession, NotesSession, WizardSession])
    sessions.add_to(server)
    for tool in (increment, add_note, ask_framework):
        server.tool(tool)
    server.prompt(summary)
    server.resource("counter://{counter}/value")(read_counter)
    return server, sessions


def main() -> None:
    """Serve until the client leaves, or the process is told to stop."""
    parser = argparse.ArgumentParser(description="FastMCP server with typed session state.")
    parser.add_argument("--http", action="store_true", help="serve Streamable HTTP instead of stdio")
    parser.add_argument("--port", type=int, default=8000, help="port for --http (default: 8000)")
    parser.add_argument("--stateful", action="store_true", help="keep legacy clients' connections in this process")
    parser.add_argument("--store", default="memory://", help="store URL (default: memory://)")
    parser.add_argument("--users", default="", help="serve only these users, such as anna,ben")
    options = parser.parse_args()
    try:
        server, sessions = make_server(options.store, options.users)
    except StoreError as error:
        parser.error(str(error))
    if options.http:
        sessions.run(server, "http", port=options.port, stateless=not options.stateful)
    else:
        sessions.run(server, "stdio")


if __name__ == "__main__":
    main()
