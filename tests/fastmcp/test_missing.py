"""Without the package ``fastmcp``, the adapter says what to install, and nothing else misses it."""

import subprocess
import sys

WITHOUT = "import sys; sys.modules['fastmcp'] = None; "


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


def test_the_error_names_the_install_line() -> None:
    done = run(WITHOUT + "import mcp_sessions.fastmcp")
    last = done.stderr.strip().splitlines()[-1]
    assert last == "ImportError: FastMCP servers need another package: pip install 'mcp-sessiongen[fastmcp]'"


def test_servers_of_the_sdk_do_not_need_it() -> None:
    done = run(WITHOUT + "import mcp_sessions.server; print('fine')")
    assert done.stdout == "fine\n", done.stderr


def test_nothing_else_loads_it() -> None:
    done = run("import sys; import mcp_sessions, mcp_sessions.server; print('fastmcp' in sys.modules)")
    assert done.stdout == "False\n", done.stderr
