"""What OpenTelemetry is told of a store; needs ``opentelemetry-api``, which the MCP SDK brings."""

from mcp_sessions.stores.observed.store import ObservedStore

__all__ = ["ObservedStore"]
