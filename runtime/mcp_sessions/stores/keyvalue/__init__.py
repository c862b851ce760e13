"""The store in any ``AsyncKeyValue`` of py-key-value; it needs the extra ``kv``."""

from mcp_sessions.extras import needing

with needing("key-value stores", "kv"):
    from mcp_sessions.stores.keyvalue.store import KeyValueStore

__all__ = ["KeyValueStore"]
