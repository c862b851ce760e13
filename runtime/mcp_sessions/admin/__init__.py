"""For those who run a server: which sessions there are, what they hold, and whether all is well.

Nobody is asked who they are, and nothing here is a use of a session: no expiry moves. What a page or a command needs of
a store is here; how it looks is theirs.
"""

from mcp_sessions.admin.catalog import Catalog, schema_titled, title_of
from mcp_sessions.admin.changes import end, set_value, unset_value
from mcp_sessions.admin.details import Detail, Entry, show
from mcp_sessions.admin.doctor import CHECKS, Finding, diagnose
from mcp_sessions.admin.statistics import SchemaStats, Stats, statistics
from mcp_sessions.admin.summaries import NO_OWNER, Filters, Summary, find, page, reference_of, summaries
from mcp_sessions.hiding import MASK, is_secret_name

__all__ = [
    "CHECKS",
    "MASK",
    "NO_OWNER",
    "Catalog",
    "Detail",
    "Entry",
    "Filters",
    "Finding",
    "SchemaStats",
    "Stats",
    "Summary",
    "diagnose",
    "end",
    "find",
    "is_secret_name",
    "page",
    "reference_of",
    "schema_titled",
    "set_value",
    "show",
    "statistics",
    "summaries",
    "title_of",
    "unset_value",
]
