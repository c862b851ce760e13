"""How processes that share a store tell each other that something changed: ``Notices``, one kind for each store.

Those of a store that needs an extra are in a module of their own, which is imported when they are made.
"""

from mcp_sessions.stores.notices.base import MESSAGE_BYTES, Notices, notices_of
from mcp_sessions.stores.notices.local import LocalNotices

__all__ = ["MESSAGE_BYTES", "LocalNotices", "Notices", "notices_of"]
