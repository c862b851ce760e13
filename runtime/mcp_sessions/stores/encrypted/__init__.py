"""Encryption at rest around any store; it needs the extra ``encryption``."""

try:
    from mcp_sessions.stores.encrypted.keyring import new_key
    from mcp_sessions.stores.encrypted.store import EncryptedStore
except ModuleNotFoundError as error:
    if (error.name or "").startswith("mcp_sessions"):
        raise
    raise ImportError("encrypted stores need another package: pip install 'mcp-sessiongen[encryption]'") from error

__all__ = ["EncryptedStore", "new_key"]
