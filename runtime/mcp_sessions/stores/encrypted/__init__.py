"""Encryption at rest around any store; it needs the extra ``encryption``."""

from mcp_sessions.extras import needing

with needing("encrypted stores", "encryption"):
    from mcp_sessions.stores.encrypted.keyring import new_key
    from mcp_sessions.stores.encrypted.store import EncryptedStore

__all__ = ["EncryptedStore", "new_key"]
