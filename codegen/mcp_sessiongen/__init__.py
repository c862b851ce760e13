"""The compiler of mcp-sessiongen: session schemas in, typed Python modules out.

It never imports the runtime (`mcp_sessions`) nor `mcp`: generated code does that, where it runs.
"""

from typing import Final

__version__: Final = "0.1.0"
