"""The store in Redis or Valkey; it needs the extra ``redis``."""

from mcp_sessions.extras import needing

with needing("Redis and Valkey stores", "redis"):
    from mcp_sessions.stores.redis.store import RedisStore

__all__ = ["RedisStore"]
