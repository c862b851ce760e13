"""A parent and its children, as the tests name them."""

from dataclasses import replace

from mcp_sessions.stores.base import (
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Lifetime,
)
from mcp_sessions.testing.contract.operations import IDLE

LONG = Lifetime(IDLE * 100)
PARENT = Access(Address("transport", "t", TRANSPORT_SCHEMA), "me")
CART = Access(Address("transport", "t", "cart"), "me", Lifetime(IDLE))
NOTES = Access(Address("transport", "t", "notes"), "me", Lifetime(IDLE * 2))


def without_begin(access: Access) -> Access:
    """Return a claim to what is there already."""
    return replace(access, begin=None)
