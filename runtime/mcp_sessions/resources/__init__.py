"""Session state as MCP resources, and notices of its changes: what ``Sessions(resources=...)`` adds to a server."""
