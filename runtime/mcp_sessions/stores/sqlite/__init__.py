"""The store in a SQLite file."""

from mcp_sessions.stores.sqlite.store import SYNCHRONOUS, SQLiteStore

__all__ = ["SYNCHRONOUS", "SQLiteStore"]
