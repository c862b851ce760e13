import os

from mcp_sessions import SessionModel

os.chdir("/")


class Cart(SessionModel):
    """The position below is still that of this file."""

    items: "object"
