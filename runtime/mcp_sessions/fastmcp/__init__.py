"""``FastMCPSessions``: session state for a server on the ``fastmcp`` package; it needs the extra ``fastmcp``."""

try:
    from mcp_sessions.fastmcp.sessions import FastMCPSessions
except ModuleNotFoundError as error:
    if (error.name or "").startswith("mcp_sessions"):
        raise
    raise ImportError("FastMCP servers need another package: pip install 'mcp-sessiongen[fastmcp]'") from error

__all__ = ["FastMCPSessions"]
