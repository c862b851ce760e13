"""The server of the page about what a model sees, which other tests use as well."""

from pathlib import Path
from typing import Any

from mcp_types import CallToolResult, TextContent
from tests.docs.blocks import block, blocks, sessiongen

MODEL = "what-the-model-sees.md"


def run(isolated: Path, page: str) -> dict[str, Any]:
    """Compile a page's schema, run its server, and return the names that this has."""
    [schema] = blocks(page, "yaml")
    (isolated / "cart.yaml").write_text(schema.text)
    sessiongen("cart.yaml", "-o", "state", cwd=isolated)
    scope: dict[str, Any] = {"__name__": "server"}
    exec(block(page, "# server.py"), scope)
    return scope


def said(result: CallToolResult) -> str:
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text
