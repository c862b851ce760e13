"""The store in any ``AsyncKeyValue`` of py-key-value; it needs the extra ``kv``."""

try:
    from mcp_sessions.stores.keyvalue.store import KeyValueStore
except ModuleNotFoundError as error:
    if (error.name or "").startswith("mcp_sessions"):
        raise
    raise ImportError("key-value stores need more packages: pip install 'mcp-sessiongen[kv]'") from error

__all__ = ["KeyValueStore"]
