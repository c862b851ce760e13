"""Lets `python -m mcp_sessiongen` do what the command `mcp-sessiongen` does."""

from mcp_sessiongen.cli import main

if __name__ == "__main__":
    main(prog_name="mcp-sessiongen")
