"""What docs/moving-from-mcp-session-id.md says of servers on SDK 1.x is so."""

from collections.abc import Callable
from pathlib import Path

from tests.docs.blocks import block

CLIENT = """

import asyncio
from mcp.shared.memory import create_connected_server_and_client_session as connected


async def main() -> None:
    async with connected(mcp._mcp_server) as client:
        for _ in range(2):
            print((await client.call_tool("add_note", {"text": "x"})).content[0].text)


asyncio.run(main())
"""


def test_a_dictionary_by_the_session_object_remembers_in_sdk_1(
    installed: Callable[[str], Path], run: Callable[..., str], tmp_path: Path
) -> None:
    code = block("moving-from-mcp-session-id.md", "# before_object.py")
    for name, before in (("mcp.server.fastmcp", "mcp.server.mcpserver"), ("FastMCP", "MCPServer")):
        assert before in code
        code = code.replace(before, name)
    (tmp_path / "server.py").write_text(code + CLIENT)
    python = installed("mcp-1") / "bin" / "python"
    assert run([python, tmp_path / "server.py"]) == "1 notes\n2 notes\n"
