"""The servers that ``tool_calls`` calls, each run as a process of its own."""
