"""The owner of a session: an authenticated principal, hashed so that a store holds no identities."""

import hashlib
import json


def owner_of(client_id: str, issuer: str | None, subject: str | None) -> str:
    """Return the owner that a principal is, as 64 hex digits.

    The three parts are what the MCP SDK's ``principal_components`` gives for an access token. A refreshed token has
    the same ones, so it keeps its sessions; another client or another subject is another owner.
    """
    principal = json.dumps([client_id, issuer, subject], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(b"mcp-sessions owner\0" + principal.encode("ascii")).hexdigest()
