"""A server on ``order.yaml``: keys that the create tool takes, with times to live, deprecated, enumerations."""

import sys
from decimal import Decimal

from mcp.server.mcpserver import MCPServer
from order_state.order import OrderSession, Status

from mcp_sessions.server import Sessions

sessions = Sessions(sys.argv[1], schemas=[OrderSession])
mcp = MCPServer("orders", extensions=[sessions])


@mcp.tool()
async def show(order: OrderSession) -> str:
    """Show the order."""
    state = await order.snapshot()
    lines = ", ".join(f"{line.qty} {line.sku}" for line in state.lines)
    return f"{state.customer}: {lines}; {state.status}, {state.quote}"


@mcp.tool()
async def price(order: OrderSession, amount: Decimal) -> str:
    """Set what it costs."""
    await order.set_quote(amount)
    await order.set_status(Status.PAID)
    return f"{await order.get_quote()}"


if len(sys.argv) > 2:
    sessions.run(mcp, "streamable-http", port=int(sys.argv[2]))
else:
    sessions.run(mcp)
