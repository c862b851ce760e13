"""The store in PostgreSQL; it needs the extra ``postgres``."""

from mcp_sessions.extras import needing

with needing("PostgreSQL stores", "postgres"):
    from mcp_sessions.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
