"""Locks that make the tasks of one event loop queue up.

For a compare-and-set they only save retries: what keeps an update from being lost is the store's compare-and-set. A
store whose backend has none has nothing but these, and says so.
"""

import asyncio
from collections.abc import Hashable
from weakref import WeakValueDictionary

_locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()


def local_lock(*what: Hashable) -> asyncio.Lock:
    """Return the lock of the running event loop for ``what``; it goes when nobody holds it any more."""
    name = (asyncio.get_running_loop(), *what)
    lock = _locks.get(name)
    if lock is None:
        lock = _locks[name] = asyncio.Lock()
    return lock
