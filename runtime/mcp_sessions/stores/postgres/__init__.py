"""The store in PostgreSQL; it needs the extra ``postgres``."""

from mcp_sessions.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
