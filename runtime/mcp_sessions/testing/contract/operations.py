"""Each operation of the contract on a session, for what all of them have in common."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import pytest

from mcp_sessions.stores.base import SLIDE_STEP, Access, Lifetime, Store

Operation: TypeAlias = Callable[[Store, Access], Awaitable[object]]

IDLE: Final = 600.0
LATEST: Final = IDLE * (1 + SLIDE_STEP)
"""When a session with that idle lifetime has expired for certain."""

OPERATIONS: Final[dict[str, Operation]] = {
    "touch": lambda store, access: store.touch(access),
    "touch with a lifetime": lambda store, access: store.touch(access, Lifetime(9999.0)),
    "read": lambda store, access: store.read(access),
    "read keys": lambda store, access: store.read(access, ["a"]),
    "names": lambda store, access: store.names(access),
    "write": lambda store, access: store.write(access, {"a": b"9"}),
    "compare-and-set": lambda store, access: store.write(access, {"a": b"9"}, {"a": b"1"}),
    "failing compare-and-set": lambda store, access: store.write(access, {"a": b"9"}, {"a": b"8"}),
    "remove": lambda store, access: store.remove(access, "a"),
    "clear": lambda store, access: store.clear(access),
    "increment": lambda store, access: store.increment(access, "a", 1, b"0"),
    "append": lambda store, access: store.append(access, "l", [b"9"], b"[]"),
    "append nothing": lambda store, access: store.append(access, "l", [], b"[]"),
}

each_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
