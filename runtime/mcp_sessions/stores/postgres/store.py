"""The store in a PostgreSQL database: durable, for any number of workers on any number of machines."""

import asyncio
import logging
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Final, cast

from mcp_sessions.durations import Duration, seconds
from mcp_sessions.errors import StoreError, StoreUrlError
from mcp_sessions.locks import local_lock
from mcp_sessions.stores import cursors, jsontext
from mcp_sessions.stores.checkup import Checkup
from mcp_sessions.stores.notices import Notices
from mcp_sessions.stores.postgres import calls, definition, one
from mcp_sessions.stores.postgres.calls import Outcome
from mcp_sessions.stores.postgres.database import Database
from mcp_sessions.stores.postgres.line import Line
from mcp_sessions.stores.postgres.names import Call
from mcp_sessions.stores.postgres.notices import PostgresNotices
from mcp_sessions.stores.terms import (
    GRACE_SECONDS,
    Access,
    Address,
    Clock,
    Lifetime,
    Listed,
    NotLiveError,
    Page,
    Remains,
    SchemaVersion,
    SessionCopy,
    SessionInfo,
)
from mcp_sessions.stores.texts import is_text, require_text

SCHEMA: Final = "mcp_sessions"
"""The schema in the database that is a store's own, unless another is named."""

_SWEEP_SECONDS: Final = 60.0
_SWEEP_LIMIT: Final = 500

_LONGEST_NUMBER: Final = 10**3999

_log: Final = logging.getLogger("mcp_sessions")


class PostgresStore:
    """Sessions in a schema of a PostgreSQL database, which any number of workers may use at once.

    Each operation is one statement, which is a transaction by itself, or part of one with others that are made at the
    same moment; it leaves nothing behind in its connection but itself, prepared. So it also works through a pooler that
    gives out connections by transaction. Time is the database server's.

    Nothing is done before the first operation: that connects and, if need be, creates the schema. Each event loop has
    connections of its own, at most ``connections`` at once, and closes them when it stops. Safe to use from several
    event loops and threads, and after a fork.

    Args:
        url: A connection URL or string of libpq's.
        schema: The schema in the database, which is the store's alone.
        create: Whether to create the schema, or to upgrade it, where that is needed; if not, see ``sql``.
        connections: How many connections an event loop may have at once.
        prepare: Whether connections keep statements prepared, which is faster. Behind a pooler that gives out
            connections by transaction and does not know of prepared statements, the store finds out and stops doing so.
        timeout: How long an operation may take, and how long it may wait for a connection before.
        clock: Seconds since the epoch; None for the server's clock.

    Raises:
        StoreUrlError: If ``url`` is none.
    """

    def __init__(
        self,
        url: str,
        *,
        schema: str = SCHEMA,
        create: bool = True,
        connections: int = 8,
        prepare: bool = True,
        timeout: Duration = "10s",
        clock: Clock | None = None,
    ) -> None:
        if connections < 1:
            raise StoreUrlError(f"connections must be at least 1, got {connections}")
        if not isinstance(schema, str):
            raise StoreUrlError(f"schema is the name of a schema in the database; got {schema!r}")
        self._database = Database(url, schema, create=create, prepare=prepare, patience=seconds(timeout))
        self._connections = connections
        self._timeout = seconds(timeout)
        self._clock = clock
        self._closed = False
        self._lines: dict[tuple[int, asyncio.AbstractEventLoop], Line] = {}
        self._sweep_at = time.monotonic() + _SWEEP_SECONDS
        self._sweeps: set[asyncio.Task[None]] = set()

    @staticmethod
    def sql(schema: str = SCHEMA, *, after: int = 0) -> str:
        """Return what creates the schema, for those whose workers may not: to be run as one transaction.

        Args:
            schema: Its name.
            after: The format that the schema has already, to be upgraded from it; 0 where there is none.
        """
        return definition.script(schema, after)

    async def create(
        self,
        access: Access,
        lifetime: Lifetime,
        values: Mapping[str, bytes] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> SessionInfo:
        """See ``Store.create``."""
        require_text(access.address.id)
        given = values or {}
        made = await self._change(
            "create", access, names=given, values=given.values(), ttls=ttls, lifetime=lifetime, tell=False
        )
        return made.info

    async def touch(self, access: Access, lifetime: Lifetime | None = None) -> SessionInfo:
        """See ``Store.touch``."""
        return (await self._change("touch", access, lifetime=lifetime)).info

    async def read(self, access: Access, keys: Sequence[str] | None = None) -> dict[str, bytes]:
        """See ``Store.read``."""
        if keys is not None and len(keys) == 1 and one.is_short(access, keys[0]):
            value = _only((await self._perform(one.get(self._now(), access, keys[0]), access)).held)
            return {} if value is None else {keys[0]: value}
        return (await self._read(access, keys)).values

    async def names(self, access: Access) -> list[str]:
        """See ``Store.names``."""
        found = await self._read(access, None, only_names=True)
        return sorted(name.decode() for name in found.names or ())

    async def write(
        self,
        access: Access,
        changes: Mapping[str, bytes | None],
        expected: Mapping[str, bytes | None] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> dict[str, bytes | None] | None:
        """See ``Store.write``."""
        if len(changes) == 1 and not (expected and expected.keys() != changes.keys()):
            ((key, value),) = changes.items()
            if value is not None and one.is_short(access, key):
                call = one.put(self._now(), access, key, value, (ttls or {}).get(key), expected or None)
                done = await self._perform(call, access)
                return {key: _only(done.held)} if done.code == "changed" else None
        wanted = tuple(expected or ())
        done = await self._change("write", access, names=changes, values=changes.values(), expected=expected, ttls=ttls)
        return dict(zip(wanted, done.held or (), strict=True)) if done.code == "changed" else None

    async def remove(self, access: Access, key: str) -> bytes | None:
        """See ``Store.remove``."""
        return _only((await self._change("remove", access, names=(key,))).held)

    async def clear(self, access: Access) -> None:
        """See ``Store.clear``."""
        await self._change("clear", access)

    async def increment(
        self, access: Access, key: str, by: int | float, initial: bytes, ttl: float | None = None
    ) -> bytes:
        """See ``Store.increment``. Only whole numbers are added in one round trip; others are compared and set."""
        exact = int(by) if isinstance(by, int) and -_LONGEST_NUMBER < by < _LONGEST_NUMBER else None
        line, ttls = self._line(), {key: ttl}
        queue = local_lock(self, access.address, key) if exact is None else nullcontext()
        async with queue:
            if one.is_small(exact) and one.is_short(access, key):
                done = await self._perform(one.put(self._now(), access, key, initial, ttl, by=exact), access, line)
            else:
                done = await self._change(
                    "increment", access, line, names=(key,), values=(initial,), ttls=ttls, by=exact
                )
            if done.code is None:
                return cast(bytes, _only(done.held))
            while True:
                held = _only(done.held)
                total = jsontext.added(initial if held is None else held, by)
                done = await self._change(
                    "replace", access, line, names=(key,), values=(total,), ttls=ttls, expected={key: held}
                )
                if done.code is None:
                    return total

    async def append(
        self, access: Access, key: str, items: Sequence[bytes], initial: bytes, ttl: float | None = None
    ) -> None:
        """See ``Store.append``."""
        values = (initial, b",".join(items) if items else None)
        done = await self._change("append", access, names=(key,), values=values, ttls={key: ttl})
        if done.code == "no array":
            jsontext.appended(_only(done.held) or b"", items)

    async def end(self, access: Access, *, values: bool = False, expired: bool = False) -> list[Remains]:
        """See ``Store.end``."""
        line = self._line()
        try:
            call = calls.end(self._now(), access, values=values, expired=expired)
        except NotLiveError:
            return []
        return [calls.remains_of(row) for row in await line.submit(call)]

    async def purge_expired(self, limit: int = 1000, *, values: bool = False) -> list[Remains]:
        """See ``Store.purge_expired``. Several may do so at once: none waits for another."""
        rows = await self._line().submit(calls.purge(self._now(), 0.0, limit, values=values))
        return [calls.remains_of(row) for row in rows if not calls.says_more(row)]

    async def scan(
        self, *, schema: str | None = None, owner: str | None = None, limit: int = 100, cursor: str = ""
    ) -> Page:
        """See ``Store.scan``."""
        cursors.require_limit(limit)
        after = cursors.name_of(cursor)
        rows = await self._line().submit(calls.scan(self._now(), schema, owner, limit + 1, after))
        shown = tuple(calls.listed(row) for row in rows[:limit])
        return Page(shown, cursors.cursor_of(shown[-1].address) if len(rows) > limit else "")

    async def look_up(self, address: Address) -> Listed | None:
        """See ``Store.look_up``."""
        line = self._line()
        if not is_text(address.id):
            return None
        rows = await line.submit(calls.look_up(self._now(), address))
        return calls.listed(rows[0]) if rows else None

    async def count(self) -> int:
        """See ``Store.count``."""
        ((found,),) = await self._line().submit(calls.count())
        return int(found)

    async def copy_out(self, address: Address) -> SessionCopy | None:
        """See ``Store.copy_out``."""
        line = self._line()
        if not is_text(address.id):
            return None
        rows = await line.submit(calls.copy_out(self._now(), address))
        return calls.copied(address, rows[0]) if rows else None

    async def copy_in(self, copy: SessionCopy) -> None:
        """See ``Store.copy_in``."""
        ((why,),) = await self._line().submit(calls.copy_in(self._now(), copy))
        calls.require_copied(why)

    async def migrate(
        self,
        copy: SessionCopy,
        version: SchemaVersion,
        changes: Mapping[str, bytes | None],
        untils: Mapping[str, float],
    ) -> bool:
        """See ``Store.migrate``."""
        line = self._line()
        require_text(*changes)
        if not all(map(is_text, (copy.address.id, *copy.values))):
            return False
        ((done,),) = await line.submit(calls.migrate(self._now(), copy, version, changes, untils))
        return bool(done)

    async def inspect(self) -> Checkup:
        """See ``InspectableStore.inspect``; it has a connection of its own."""
        self._line()
        async with asyncio.timeout(self._timeout):
            return await self._database.inspect()

    def notices(self) -> Notices:
        """Return how workers tell each other of changes: by NOTIFY and LISTEN."""
        return PostgresNotices(self._database)

    async def aclose(self) -> None:
        """See ``Store.aclose``; what was accepted before is still done."""
        self._closed = True
        here = asyncio.get_running_loop()
        for (process, loop), line in list(self._lines.items()):
            if process != os.getpid():
                continue
            if loop is here:
                await line.close()
            elif loop.is_running():
                closing = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(line.close(), loop))
                await asyncio.wait([closing], timeout=2 * self._timeout)  # not for ever: that loop may stop just now
            else:
                line.abandon()

    async def _change(
        self, operation: str, access: Access, line: Line | None = None, *, tell: bool = True, **what: Any
    ) -> Outcome:
        """Perform an operation that may begin the session, and tell whoever wants to know if it did."""
        line = line or self._line()
        return await self._perform(calls.change(operation, self._now(), access, **what), access, line, tell=tell)

    async def _read(self, access: Access, keys: Sequence[str] | None, *, only_names: bool = False) -> Outcome:
        line = self._line()
        return await self._perform(calls.read(self._now(), access, keys, only_names=only_names), access, line)

    async def _perform(self, call: Call, access: Access, line: Line | None = None, *, tell: bool = True) -> Outcome:
        line = line or self._line()
        while True:
            (row,) = await line.submit(call)
            outcome = one.outcome_of(row) if call.function in one.FUNCTIONS else Outcome(*row)
            if outcome.code != "again":
                break
        calls.require_done(outcome, access)
        if tell:
            calls.tell(outcome, access)
        return outcome

    def _now(self) -> float | None:
        return None if self._clock is None else self._clock()

    def _line(self) -> Line:
        """Return the connections of the event loop that is running: they belong to it, and to this process."""
        if self._closed:
            raise StoreError("the session store is closed")
        key = os.getpid(), asyncio.get_running_loop()
        line = self._lines.get(key)
        if line is None:
            self._forget_loops()
            line = self._lines[key] = Line(self._database, self._connections, self._timeout)
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + _SWEEP_SECONDS
            sweep = asyncio.get_running_loop().create_task(self._sweep(line))
            self._sweeps.add(sweep)
            sweep.add_done_callback(self._sweeps.discard)
        return line

    def _forget_loops(self) -> None:
        """Close the connections of event loops that are no more."""
        for process, loop in list(self._lines):
            if process == os.getpid() and loop.is_closed():
                line = self._lines.pop((process, loop), None)
                if line is not None:
                    line.abandon()

    async def _sweep(self, line: Line) -> None:
        """Remove what expired a while ago, in passing."""
        try:
            rows = await line.submit(calls.purge(self._now(), GRACE_SECONDS, _SWEEP_LIMIT, values=False))
        except StoreError as error:
            _log.warning("sweeping expired sessions failed: %s", error)
            return
        if rows and calls.says_more(rows[-1]):
            self._sweep_at = time.monotonic() + 1.0


def _only(held: Sequence[bytes | None] | None) -> bytes | None:
    return held[0] if held else None
