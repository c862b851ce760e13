"""A session database with made-up sessions of the example schemas, begun at various times before now."""

import asyncio
import hashlib
import random
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from mcp_sessions.ids import mint_transport_id
from mcp_sessions.stores import Access, Address, Lifetime, SQLiteStore
from mcp_sessions.testing import FakeClock
from state.counter import CounterSession
from state.notes import Note, NotesSession
from state.preferences import PreferencesSession
from state.wizard import WizardSession

NOTES = (
    "Ask Ana for the numbers of the second quarter",
    "The tide table for Porto is in the shared folder",
    "Book the ferry before Friday: two adults, one bicycle",
    "Names that Jo likes: Harbour lights, Low water, Quay",
    "Send the corrected invoice to the printing house",
    "<b>Ship</b> the release & tell everyone",
)
PROJECTS = ("Harbour lights", "Tide tables", "Quay", "Low water", "Printing house")
LANGUAGES = ("en", "pt-BR", "de", "fr-CA", "ja")

R = TypeVar("R")


class Filling:
    """What is being put into a store: at which time, by whom; always the same for one seed."""

    def __init__(self, path: Path, seed: int = 8) -> None:
        self.clock = FakeClock(time.time())
        self.store = SQLiteStore(path, clock=self.clock)
        self.random = random.Random(seed)
        self.owners = [hashlib.sha256(f"somebody {number}".encode()).hexdigest() for number in range(12)]

    def owner(self) -> str | None:
        return self.random.choice([*self.owners, None, None, None])

    async def counter(self) -> None:
        made = await CounterSession.create(self.store, owner=self.owner())
        await made.set_counter(self.random.randint(1, 400))

    async def notes(self) -> None:
        made = await NotesSession.create(self.store, owner=self.owner())
        at = datetime.fromtimestamp(self.clock.now, UTC).replace(microsecond=0)
        for number in range(self.random.choice((1, 2, 3, 3, 4, 5, 40))):
            text = NOTES[(number + self.random.randint(0, 1)) % len(NOTES)]
            await made.append_notes(Note(text=text, created_at=at - timedelta(minutes=7 * number)))

    async def preferences(self) -> None:
        made = await PreferencesSession.create(self.store, owner=self.owner())
        await made.set_language(self.random.choice(LANGUAGES))
        if self.random.random() < 0.5:
            await made.set_verbose(True)

    async def wizard(self) -> None:
        made = await WizardSession.create(self.store, owner=self.owner())
        step = self.random.randint(1, 3)
        await made.set_step(step)
        if step > 1:
            await made.set_project_name(self.random.choice(PROJECTS))
        if step > 2:
            await made.set_framework("svelte")

    async def mcp_session(self) -> None:
        """Begin an MCP session with the state of a wizard and of a counter in it."""
        id, owner = mint_transport_id(), self.owners[0]
        await self.store.create(Access(Address("transport", id, ""), owner), Lifetime(3600.0))
        for kind, values in (
            (WizardSession, {"step": b"2", "project_name": b'"Harbour lights"', "framework": b'"angular"'}),
            (CounterSession, {"counter": b"17"}),
        ):
            schema = kind.schema
            access = Access(Address("transport", id, schema.name), owner, digest=schema.digest)
            await self.store.create(access, Lifetime(1800.0), values)


def perform(work: Callable[[], Coroutine[Any, Any, R]]) -> R:
    """Do something with a store in a thread of its own: in the first one runs Playwright's event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result(60)


def fill(path: Path, count: int = 120) -> None:
    """Make a database with so many sessions and, if any, an MCP session; the oldest began half an hour ago."""

    async def run() -> None:
        filling = Filling(path)
        now = filling.clock.now
        makers = [filling.counter] * 8 + [filling.notes] * 6 + [filling.wizard] * 4 + [filling.preferences] * 3
        for age in sorted((filling.random.uniform(1, 1750) for _ in range(count)), reverse=True):
            filling.clock.now = now - age
            await filling.random.choice(makers)()
        filling.clock.now = now - 240
        if count:
            await filling.mcp_session()
        filling.clock.now = now
        await filling.store.aclose()

    perform(run)
