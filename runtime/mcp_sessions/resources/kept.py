"""What legacy clients without a connection have subscribed to: kept with their transport session, for any worker."""

from typing import Final

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from mcp_sessions.context import Call
from mcp_sessions.errors import SessionError
from mcp_sessions.failures import retelling
from mcp_sessions.stores.base import Access, Address, Lifetime, NotLiveError

SUBSCRIPTIONS_SCHEMA: Final = "#subscriptions"
"""The schema of that child of a transport session; no accessor's has such a name."""


def kept_at(call: Call, session_id: str, idle: float) -> Access:
    """Return the access to what a client has subscribed to: each URI is a key.

    Args:
        call: The client's call.
        session_id: Its transport session.
        idle: Seconds for which it is kept while nobody listens: as long as a transport session that nobody uses.
    """
    address = Address("transport", session_id, SUBSCRIPTIONS_SCHEMA)
    return Access(address, call.caller.owner, Lifetime(idle), limits=call.limits)


async def keep(call: Call, access: Access, uri: str, most: int) -> None:
    """Note that a client has subscribed to a URI.

    Raises:
        MCPError: If it has subscribed to as many as it may, or it cannot be noted.
    """
    try:
        with retelling():
            for _ in range(2):
                try:
                    await _add(call, access, uri, most)
                    return
                except NotLiveError as missing:
                    if missing.reason != "expired":
                        break
                    await call.store.end(access, expired=True)
    except SessionError as error:
        raise MCPError(INTERNAL_ERROR, str(error)) from error
    raise MCPError(INVALID_PARAMS, "the MCP session is over; initialize again")


async def _add(call: Call, access: Access, uri: str, most: int) -> None:
    known = await call.store.names(access)
    if uri in known:
        return
    if len(known) >= most:
        raise MCPError(INVALID_PARAMS, f"you can subscribe to {most} resources: unsubscribe one")
    await call.store.write(access, {uri: b"true"})


async def drop(call: Call, access: Access, uri: str) -> None:
    """Note that a client has unsubscribed from a URI."""
    try:
        with retelling():
            await call.store.remove(access, uri)
    except NotLiveError:
        return
    except SessionError as error:
        raise MCPError(INTERNAL_ERROR, str(error)) from error


async def kept(call: Call, access: Access) -> list[str] | None:
    """Return the URIs that a client has subscribed to; None if its session is over.

    Raises:
        StoreError: If the store does not say.
    """
    try:
        return await call.store.names(access)
    except NotLiveError as missing:
        if missing.reason != "expired" or await call.store.look_up(access.address.parent) is None:
            return None
        await call.store.end(access, expired=True)
        return []
