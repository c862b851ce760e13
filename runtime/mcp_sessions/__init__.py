"""Typed session state for MCP servers: what generated accessors and servers import.

The parts that need the MCP SDK are imported by name: ``mcp_sessions.server`` (``Sessions``), ``mcp_sessions.fastmcp``
(``FastMCPSessions``) and ``mcp_sessions.middleware`` (``SessionMiddleware``).
"""

from mcp_sessions.errors import (
    InterfaceError,
    SessionConflictError,
    SessionDataError,
    SessionEndedError,
    SessionError,
    SessionExpiredError,
    SessionKeyError,
    SessionLimitError,
    SessionMigrationError,
    SessionNotFoundError,
    SessionRequiredError,
    SessionTooLargeError,
    SessionValueError,
    SessionVersionError,
    StoreError,
    StoreUrlError,
    TooManySessionsError,
)
from mcp_sessions.keys import DictKey, Key, ListKey, NumberKey
from mcp_sessions.migrations import Migration, PastVersion, migration
from mcp_sessions.owner import owner_of
from mcp_sessions.schema import SessionModel, SessionSchema, ValueEnum, ValueIntEnum, ValueModel, require_interface
from mcp_sessions.session import Session
from mcp_sessions.stores import Limits, Store, open_store
from mcp_sessions.untyped import UntypedSession

__all__ = [
    "DictKey",
    "InterfaceError",
    "Key",
    "Limits",
    "ListKey",
    "Migration",
    "NumberKey",
    "PastVersion",
    "Session",
    "SessionConflictError",
    "SessionDataError",
    "SessionEndedError",
    "SessionError",
    "SessionExpiredError",
    "SessionKeyError",
    "SessionLimitError",
    "SessionMigrationError",
    "SessionModel",
    "SessionNotFoundError",
    "SessionRequiredError",
    "SessionSchema",
    "SessionTooLargeError",
    "SessionValueError",
    "SessionVersionError",
    "Store",
    "StoreError",
    "StoreUrlError",
    "TooManySessionsError",
    "UntypedSession",
    "ValueEnum",
    "ValueIntEnum",
    "ValueModel",
    "migration",
    "open_store",
    "owner_of",
    "require_interface",
]
