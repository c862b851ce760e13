"""What time it is where sessions are kept: ages are told by the clock that made their times."""

import time
from collections.abc import Sequence

from mcp_sessions.errors import SessionDataError
from mcp_sessions.stores.base import Store
from mcp_sessions.stores.terms import Clock, Listed


def innermost(store: Store) -> Store:
    """Return the store that others stand around as their ``store``, as the one that encrypts does."""
    while (inner := getattr(store, "store", None)) is not None:
        store = inner
    return store


async def clock_of(store: Store, some: Sequence[Listed]) -> Clock:
    """Return the store's clock, as it is to be told from one of some sessions; this machine's if there is none."""
    for one in sorted(some, key=lambda listed: listed.info.size)[:1]:
        before = time.time()
        try:
            copy = await innermost(store).copy_out(one.address)
        except SessionDataError:
            break
        if copy is not None and copy.taken:
            ahead = copy.taken - (before + time.time()) / 2
            return lambda: time.time() + ahead
    return time.time
