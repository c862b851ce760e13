"""Where sessions live: the store contract, the stores that keep it, and ``open_store``, which picks one by URL.

Stores that need packages of an extra are in modules of their own, such as ``mcp_sessions.stores.postgres``.
"""

from mcp_sessions.stores.base import (
    GRACE_SECONDS,
    NO_LIMITS,
    SLIDE_STEP,
    TOMBSTONE_SECONDS,
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Clock,
    ConditionalStore,
    Lifetime,
    Limits,
    Listed,
    NotLiveError,
    OtherVersionError,
    Page,
    Reason,
    Remains,
    SchemaVersion,
    SessionCopy,
    SessionExistsError,
    SessionInfo,
    Space,
    Store,
)
from mcp_sessions.stores.memory import MemoryStore
from mcp_sessions.stores.open import open_store
from mcp_sessions.stores.sqlite import SQLiteStore

__all__ = [
    "GRACE_SECONDS",
    "NO_LIMITS",
    "SLIDE_STEP",
    "TOMBSTONE_SECONDS",
    "TRANSPORT_SCHEMA",
    "Access",
    "Address",
    "Clock",
    "ConditionalStore",
    "Lifetime",
    "Limits",
    "Listed",
    "MemoryStore",
    "NotLiveError",
    "OtherVersionError",
    "Page",
    "Reason",
    "Remains",
    "SQLiteStore",
    "SchemaVersion",
    "SessionCopy",
    "SessionExistsError",
    "SessionInfo",
    "Space",
    "Store",
    "open_store",
]
