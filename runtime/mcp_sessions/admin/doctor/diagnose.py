"""The diagnosis as a whole: first the store and its server, then all sessions in one go."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from mcp_sessions.admin.catalog import Catalog
from mcp_sessions.admin.doctor.findings import Finding, counted
from mcp_sessions.admin.doctor.sessions import Sessions
from mcp_sessions.admin.store_time import clock_of, innermost
from mcp_sessions.errors import StoreError
from mcp_sessions.stores.base import Store, condition_of, require_store
from mcp_sessions.stores.checkup import InspectableStore, Level
from mcp_sessions.stores.terms import DEFAULT_LIMITS, Clock, Limits, Listed

_PAGE: Final = 200
_AT_ONCE: Final = 16
"""How many sessions are read at the same time."""

_SKEW: Final = 1.0
_GREAT_SKEW: Final = 60.0


async def diagnose(
    store: Store,
    catalog: Catalog,
    *,
    limits: Limits = DEFAULT_LIMITS,
    progress: Callable[[int], None] | None = None,
) -> AsyncIterator[Finding]:
    """Give findings on a store, one for each thing that was looked at; it changes nothing and is no use of a session.

    Args:
        store: What to look at.
        catalog: The schemas at hand; values are checked of the sessions that have one.
        limits: Those of the servers, as far as they are known.
        progress: Told how many more sessions have been looked at.

    Raises:
        mcp_sessions.StoreError: If the store cannot be reached, or fails.
    """
    require_store(store, "a diagnosis")
    total = await store.count()
    yield Finding("store", "ok", f"it is there, with {counted(total, 'session')}")
    ahead: float | None = None
    inner = innermost(store)
    if isinstance(inner, InspectableStore):
        found, ahead = await _inspected(inner)
        for finding in found:
            yield finding
    if (condition := condition_of(store)) is not None:
        yield Finding("workers", "warning", condition, "serve with one worker, or use a store that workers can share")
    page, is_over = await store.scan(limit=_PAGE), False
    clock = await clock_of(store, page.sessions)
    yield _of_clock(clock() - time.time() if ahead is None else ahead)
    sessions = Sessions(store, catalog, limits)
    while not is_over:
        await _look(sessions, page.sessions, clock)
        if progress is not None:
            progress(len(page.sessions))
        is_over = not page.cursor
        page = page if is_over else await store.scan(limit=_PAGE, cursor=page.cursor)
    for finding in sessions.findings(total):
        yield finding


async def _inspected(store: InspectableStore) -> tuple[list[Finding], float | None]:
    """Return what a store says of its server, and how far ahead the server's clock is; None if that is not known."""
    before = time.time()
    try:
        checkup = await store.inspect()
    except StoreError as error:  # it was reached just now, so this is most likely about permissions
        return [Finding("server", "warning", f"it does not tell how it is: {error}", "let the store's user ask")], None
    ahead = 0.0 if checkup.clock is None else checkup.clock - (before + time.time()) / 2
    remarks = (Finding(one.check, one.level, one.message, one.advice) for one in checkup.remarks)
    return [Finding("server", "ok", checkup.server), *remarks], ahead


async def _look(sessions: Sessions, listed: tuple[Listed, ...], clock: Clock) -> None:
    """Look at the sessions of a page, some at a time."""
    for first in range(0, len(listed), _AT_ONCE):
        await asyncio.gather(*(sessions.look(one, clock()) for one in listed[first : first + _AT_ONCE]))


def _of_clock(ahead: float) -> Finding:
    """Return what is said of the store's clock, which is so many seconds ahead of this machine's."""
    if abs(ahead) < _SKEW:
        return Finding("clock", "ok", "the store's clock and this machine's agree")
    level: Level = "warning" if abs(ahead) < _GREAT_SKEW else "error"
    message = f"the store's clock is {abs(ahead):.1f} seconds {'ahead of' if ahead > 0 else 'behind'} this machine's"
    return Finding("clock", level, message, "synchronise both, as by NTP: what tokens and logs say depends on it")
